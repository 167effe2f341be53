package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/probe"
)

// begin brings up the first config: the best candidate that can run. wrong is
// what is wrong with the file, nil if it is good.
func (a *applier) begin(ctx context.Context, file *config.Config, wrong error, o Options) error {
	all, told := a.ledger.Candidates(a.startWith(file, wrong, o))
	for _, e := range told {
		a.events.Add(e)
	}
	err := wrong
	for i, c := range all {
		failed := a.start(ctx, c, err)
		if failed == nil {
			return nil
		}
		if c.Fallback == 0 {
			err = failed
		}
		if i < len(all)-1 {
			a.events.Error("", message.CannotStart, c.Message, failed)
		}
	}
	return err
}

// startWith is what there is to start with.
func (a *applier) startWith(file *config.Config, wrong error, o Options) ledger.Start {
	s := ledger.Start{LastGood: o.FallbackLastGood}
	if wrong != nil {
		return s
	}
	s.File, s.Saved = file, a.state.savedState(ledger.TrialFile)
	if s.FromTrial = s.Saved != nil; !s.FromTrial && a.state.keepOverrides {
		s.Saved = a.state.savedState(ledger.OverridesFile)
	}
	return s
}

// start brings up a candidate; an error leaves nothing. A listener may fail whose
// address cannot be had, as long as others serve: it is tried again. why is what
// is wrong with the file, if the candidate stands in for it.
func (a *applier) start(ctx context.Context, c ledger.Candidate, why error) error {
	began := time.Now()
	if err := a.keys.Load(ctx, c.Config); err != nil {
		return err
	}
	var refusal *control.Error
	if c.Fallback != 0 {
		refusal = control.Refused(why)
	}
	_, err := a.commit(ctx, transaction{to: c.Config, lenient: true, record: func() ledger.Effects {
		return a.ledger.Start(c, refusal, began)
	}})
	if err != nil {
		return err
	}
	if len(a.endpoints.Failed()) > 0 {
		a.background(a.reopenFailed)
	}
	for _, name := range sortedKeys(c.Config.Listeners) {
		for _, warning := range probe.Connections(name, c.Config.Listeners[name]) {
			a.events.Add(control.Event{Level: control.LevelWarn, Listener: name, Message: warning})
		}
	}
	a.state.remove(probeFile)
	return nil
}
