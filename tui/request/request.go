// Package request is what an operator asks of a runtime in the cockpit, and the
// command line that asks the same. It is pure.
package request

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Actor is who makes the changes of a cockpit, for the history.
const Actor = "cockpit"

// Change is a change of the config that an operator asks for. It is planned
// first; the plan decides whether it is applied or asked about.
type Change struct {
	// Listener it is about, if it is one.
	Listener string
	// Patch makes the change.
	Patch config.Patch
	// Base is the generation the operator looked at; 0 is the newest.
	Base uint64
	// Workers is the number asked for, if it is a resize, else nil.
	Workers *int
	// Title is the question, should one have to be asked, and Verb its button.
	Title, Verb string
	// Done is what to say when it is made; empty says what the runtime says.
	Done string
	// FromForm says that the open form made it and waits for its result.
	FromForm bool
	// ShowPlan shows the plan even if it disrupts nobody.
	ShowPlan bool
	// Persist also changes the file, and Confirm puts the change on trial.
	Persist bool
	Confirm time.Duration
	// Generation to go back to instead of making a patch, 0 if none, and its config.
	Generation uint64
	Config     string
}

// Control is the change as a runtime takes it, made by somebody who looked at
// generation base.
func (c *Change) Control(base uint64) control.Change {
	return control.Change{Patch: c.Patch, Config: c.Config, Base: base,
		Persist: c.Persist, Confirm: config.Duration(c.Confirm), Actor: Actor}
}

// Writable reports whether the change can be written to the file as it is: what
// is unset is what the file says anyway.
func (c *Change) Writable() bool {
	return len(c.Patch) > 0 && !slices.ContainsFunc(c.Patch, func(e config.Edit) bool { return e.Unset })
}

// Resize asks for a number of workers; 0 is the master itself.
func Resize(listener string, to int) Change {
	done := fmt.Sprintf("%s: %s wanted", listener, words.Count(to, "worker"))
	if to == 0 {
		done = listener + ": the master process serves it"
	}
	return Change{
		Listener: listener, Workers: &to, Done: done,
		Patch: config.Patch{{Path: "listeners." + listener + ".prefork.workers", Value: strconv.Itoa(to)}},
		Title: fmt.Sprintf("resize %s to %s?", listener, words.Count(to, "worker")), Verb: "resize",
	}
}

// Enable starts a listener, or stops it.
func Enable(listener string, on bool) Change {
	verb := "stop"
	if on {
		verb = "start"
	}
	return Change{
		Listener: listener, Title: verb + " " + listener + "?", Verb: verb,
		Patch: config.Patch{{Path: "listeners." + listener + ".enabled", Value: strconv.FormatBool(on)}},
	}
}
