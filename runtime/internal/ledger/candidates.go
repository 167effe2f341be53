package ledger

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Start is what there is to start with.
type Start struct {
	// File is what the file says; nil if it is not good.
	File *config.Config
	// Saved is what was kept; nil if nothing was. FromTrial is true if it is the
	// way back from a trial during which the runtime ended.
	Saved     *Saved
	FromTrial bool
	// LastGood allows to start with the last good generation.
	LastGood bool
}

// Candidate is one way to start.
type Candidate struct {
	File, Config *config.Config
	Overrides    Overrides
	// Message is what is started, a few words.
	Message string
	// Event to tell when it has started; nil for none.
	Event *control.Event
	// Fallback is the generation that stands in for a file that is not good.
	Fallback uint64
}

// Candidates are the ways to start, the best first: the file with the overrides
// from before, the file alone, and, if that is allowed, what last was good.
func (l *Ledger) Candidates(s Start) (all []Candidate, told []control.Event) {
	if s.File != nil {
		c, told1 := l.restored(s)
		if told = told1; c != nil {
			all = append(all, *c)
		}
		all = append(all, Candidate{File: s.File, Config: s.File, Message: words.Count(len(s.File.Listeners), "listener")})
	}
	if s.LastGood {
		if c := l.View().lastGoodCandidate(); c != nil {
			all = append(all, *c)
		}
	}
	return all, told
}

// restored is the file with the overrides that were saved; nil if there are none.
// After a death during a trial they are those from before the trial.
func (l *Ledger) restored(s Start) (*Candidate, []control.Event) {
	if s.Saved == nil {
		return nil, nil
	}
	path := l.View().Path()
	base, err := config.Parse(path, []byte(s.Saved.File))
	if err != nil {
		return nil, []control.Event{fail(message.OverridesFile, err)}
	}
	running, err := config.Parse(path, []byte(s.Saved.Config))
	if err != nil {
		return nil, []control.Event{fail(message.OverridesInvalid, err)}
	}
	to, dropped := Merge(base, running, s.File)
	c := &Candidate{File: s.File, Overrides: s.Saved.Overrides}
	c.Config = c.Overrides.unexpired(to, s.File, l.now())
	kept := len(overridden(s.File, c.Config))
	c.Message = fmt.Sprintf("%s, %s restored", words.Count(len(s.File.Listeners), "listener"), words.Count(kept, "override"))
	if s.FromTrial {
		e := warn(message.TrialInterrupted, OrSomebody(s.Saved.Actor))
		c.Event = &e
	}
	if len(dropped) > 0 {
		return c, []control.Event{warn(message.OverridesDropped, dropped)}
	}
	return c, nil
}

// lastGoodCandidate is what ran last and was not on trial; nil if there is nothing.
func (v *View) lastGoodCandidate() *Candidate {
	for _, g := range v.lastGood() {
		cfg, err := config.Parse(v.Path(), []byte(g.Config))
		if err != nil {
			continue // of another version
		}
		return &Candidate{File: cfg, Config: cfg, Message: fmt.Sprintf("generation %d, the last good config", g.Number), Fallback: g.Number}
	}
	return nil
}

// Start is [Ledger.Commit] for the first config. It is a generation of its own,
// also if it runs what ran before. why is what is wrong with the file, if the
// candidate stands in for it.
func (l *Ledger) Start(c Candidate, why *control.Error, began time.Time) Effects {
	e := Entry{To: c.Config, File: c.File, Trigger: control.TriggerStart, Began: began,
		Message: "started with " + c.Message, Overrides: c.Overrides, Quiet: true}
	v := l.next()
	out := l.commit(v, e)
	if c.Fallback != 0 {
		v.setFileState(control.ConfigRefused, why)
		v.status.Fallback = c.Fallback
		out.Events = append(out.Events, fail(message.ConfigStandsIn, c.Message, why.Text()))
	}
	l.set(v)
	if c.Event != nil {
		out.Events = append(out.Events, *c.Event)
	}
	if !l.rules.KeepOverrides {
		out.remove(OverridesFile)
	}
	out.remove(TrialFile)
	return out
}
