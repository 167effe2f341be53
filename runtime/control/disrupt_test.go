package control_test

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func TestActionsTellWhatTheyDisrupt(t *testing.T) {
	soon := time.Now().Add(time.Minute)
	worker := func(id int, state string, open uint64) control.WorkerInfo {
		w := control.WorkerInfo{ID: id, State: state, Connections: control.WorkerCounts{Active: 1, Idle: open - 1}}
		if state == control.WorkerDraining {
			w.DrainDeadline = &soon
		}
		return w
	}
	s := &control.Snapshot{Listeners: []control.ListenerInfo{
		{Name: "web", Enabled: true, Prefork: true, Workers: []control.WorkerInfo{
			worker(0, control.WorkerReady, 10), worker(1, control.WorkerReady, 20), worker(1, control.WorkerDraining, 40)}},
		{Name: "local", Enabled: true, Workers: []control.WorkerInfo{worker(0, control.WorkerReady, 80)}},
		{Name: "off", Workers: []control.WorkerInfo{worker(0, control.WorkerDraining, 160)}},
	}}
	for _, c := range []struct {
		action     control.Action
		want       control.Disruption
		disruptive bool
	}{
		{control.Action{Kind: control.Shutdown}, control.Disruption{Listeners: 2, Workers: 5, Connections: 310}, true},
		{control.Action{Kind: control.RestartWorkers}, control.Disruption{Workers: 2, Connections: 30}, true},
		{control.Action{Kind: control.RestartWorkers, Listener: "local"}, control.Disruption{}, true},
		{control.Action{Kind: control.RestartWorker, Listener: "web", Worker: 1}, control.Disruption{Workers: 1, Connections: 20}, true},
		{control.Action{Kind: control.DrainNow, All: true}, control.Disruption{Workers: 2, Connections: 200}, true},
		{control.Action{Kind: control.DrainNow, All: true, Listener: "web"}, control.Disruption{Workers: 1, Connections: 40}, true},
		{control.Action{Kind: control.DrainNow, Listener: "web", Worker: 1}, control.Disruption{Workers: 1, Connections: 40}, true},
		{control.Action{Kind: control.DrainNow, Listener: "web"}, control.Disruption{}, true},
		{control.Action{Kind: control.Rollback}, control.Disruption{}, true},
		{control.Action{Kind: control.AcceptHeld}, control.Disruption{}, true},
		{control.Action{Kind: control.Replace}, control.Disruption{}, true},
		{control.Action{Kind: control.RejectHeld}, control.Disruption{}, false},
		{control.Action{Kind: control.DrainExtend, All: true}, control.Disruption{}, false},
		{control.Action{Kind: control.Confirm}, control.Disruption{}, false},
		{control.Action{Kind: control.Reload}, control.Disruption{}, false},
	} {
		if got := c.action.Disrupts(s); got != c.want || c.action.Disruptive() != c.disruptive {
			t.Errorf("%+v: got %+v, disruptive %t; want %+v", c.action, got, c.action.Disruptive(), c.want)
		}
	}
}

func TestPlansTellWhetherTheyDisrupt(t *testing.T) {
	for _, c := range []struct {
		listener control.ListenerPlan
		effect   config.Effect
		want     bool
	}{
		{control.ListenerPlan{Action: control.ListenerStarted, WorkersStarted: 4}, config.Live, false},
		{control.ListenerPlan{Action: control.ListenerUpdated, Kept: 9}, config.Live, false},
		{control.ListenerPlan{Action: control.ListenerUpdated}, config.Drain, false}, // nobody is there
		{control.ListenerPlan{Action: control.ListenerUpdated, Drained: 1}, config.Live, true},
		{control.ListenerPlan{Action: control.ListenerResized}, config.Live, false},
		{control.ListenerPlan{Action: control.ListenerResized, WorkersRetired: 1}, config.Live, true},
		{control.ListenerPlan{Action: control.ListenerStopped}, config.Drain, true},
		{control.ListenerPlan{Action: control.ListenerRemoved}, config.Drain, true},
		{control.ListenerPlan{Action: control.ListenerRebound}, config.Live, true},
		{control.ListenerPlan{Action: control.ListenerStarted}, config.Rebind, true},
		{control.ListenerPlan{Action: control.ListenerStarted}, config.Restart, true},
	} {
		p := control.Plan{Listeners: []control.ListenerPlan{c.listener}, Changes: []config.Change{{Effect: c.effect}}}
		if got := p.Disruptive(); got != c.want {
			t.Errorf("%+v, %s: got %t", c.listener, c.effect, got)
		}
	}
	if new(control.Plan).Disruptive() {
		t.Error("an empty plan disrupts")
	}
}
