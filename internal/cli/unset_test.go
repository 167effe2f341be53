package cli_test

import (
	"context"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// removing is a runtime where a change means that action for a listener, which
// costs so many connections.
type removing struct {
	*controltest.Fake
	action  control.ListenerAction
	costs   int
	planned []control.Change
	applied []control.Change
}

func (r *removing) Plan(_ context.Context, c control.Change) (*control.Plan, error) {
	r.planned = append(r.planned, c)
	return &control.Plan{Generation: 7, Summary: "trial: remove, 6 connections drained",
		Listeners: []control.ListenerPlan{{Name: "trial", Action: r.action, Drained: r.costs}}}, nil
}

func (r *removing) Apply(_ context.Context, c control.Change) (*control.Result, error) {
	r.applied = append(r.applied, c)
	return &control.Result{Generation: 8, Message: "trial: removed"}, nil
}

func TestADisruptiveUnsetWantsToBeMeant(t *testing.T) {
	for _, tt := range []struct {
		args   string
		action control.ListenerAction
		costs  int
		code   int
	}{
		{"unset listeners.trial", "remove", 6, 2},
		{"unset listeners.trial --json", "remove", 6, 2},
		{"unset listeners.trial --yes", "remove", 6, 0},
		{"unset listeners.trial", "remove", 0, 2}, // it serves, though nobody is connected
		{"unset listeners.trial.enabled", "stop", 0, 2},
		{"unset listeners.trial.address", "rebind", 0, 2},
		{"unset listeners.trial.prefork.workers", "resize", 6, 2},
		{"unset listeners.trial.prefork.workers", "resize", 0, 0},
		{"unset listeners.trial.timeouts.idle", "update", 0, 0},
	} {
		rt := &removing{Fake: controltest.NewFake(scene()), action: tt.action, costs: tt.costs}
		p := on(t, rt)
		code := p.run(t, strings.Fields(tt.args)...)
		if code != tt.code || len(rt.applied) != 1-code/2 {
			t.Errorf("%s at the cost of %d: exit code %d, applied %v, stderr %s; want %d", tt.args, tt.costs, code, rt.applied, &p.stderr, tt.code)
		}
		if code == 2 && !strings.Contains(p.stderr.String(), "6 connections drained") {
			t.Errorf("%s: stderr %s does not tell what it costs", tt.args, &p.stderr)
		}
	}
}
