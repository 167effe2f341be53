package ledger

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Files of the state directory, beside those of the history.
const (
	TrialFile     = "trial.json"     // the way back from the trial under way
	OverridesFile = "overrides.json" // the overrides, if they are to be kept
)

// Saved is the desired state as it outlives a process.
type Saved struct {
	// File is the text that the overrides are relative to, Config that of what runs.
	File      string    `json:"file"`
	Config    string    `json:"config"`
	Overrides Overrides `json:"overrides"`
	// Actor and Since of the trial that this is the way back from; empty in what
	// is kept of overrides.
	Actor string    `json:"actor,omitempty"`
	Since time.Time `json:"since"`
}

// Saved is the present state, to be kept.
func (v *View) Saved() Saved {
	return Saved{File: string(v.File.YAML()), Config: string(v.Running.YAML()), Overrides: v.Overrides}
}

// WayBack is what must be kept before a change is put on trial, so that a crash
// finds the way back.
func (l *Ledger) WayBack(actor string) Write {
	back := l.View().Saved()
	back.Actor, back.Since = actor, l.now().Round(0)
	return Write{Name: TrialFile, Content: back}
}

// DecodeSaved reads what was kept. It is understood whole or not at all.
func DecodeSaved(data []byte) (*Saved, error) {
	out := new(Saved)
	if err := json.Unmarshal(data, out); err != nil {
		return nil, err
	}
	if strings.TrimSpace(out.Config) == "" || strings.TrimSpace(out.File) == "" {
		return nil, errors.New("it holds no config")
	}
	return out, nil
}
