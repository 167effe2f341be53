package control

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Severities of a problem.
const (
	SeverityHarm = "harm" // clients or changes are hurt now
	SeverityRisk = "risk" // they will be if nothing is done
)

// Problem is something that a person should look at. Package problems finds
// them and has the table of kinds.
type Problem struct {
	// Kind groups problems, Code names exactly this one; both are for machines.
	Kind string `json:"kind"`
	Code string `json:"code"`
	// Object is what has the problem, as a path: "listeners.web",
	// "pools.api.backends.a", "runtime".
	Object   string `json:"object"`
	Severity string `json:"severity"`
	// Since is when it began, as far as is known.
	Since time.Time `json:"since"`
	// Value is the number that passed a threshold; 0 where none is counted.
	Value uint64 `json:"value"`
	// Clients hurt within the last ten seconds, where that is known.
	Clients uint64 `json:"clients,omitempty"`
	// Args are what Message and Remedy are made of.
	Args message.Args `json:"args"`
	// Message says what is wrong, Remedy what to do about it, one line each.
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
	// RemedyCode is that of the remedy, which has the same arguments.
	RemedyCode message.Code `json:"remedy_code"`
	// Key of the config that changes it, as a path; empty if none does.
	Key string `json:"key,omitempty"`
}
