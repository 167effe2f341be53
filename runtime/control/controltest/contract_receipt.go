package controltest

import "github.com/echterhof/rockstar-tui/runtime/control"

// receiptOf waits until the receipt of a result is closed.
func (r *rig) receiptOf(res *control.Result) (c control.Receipt) {
	r.Helper()
	if res.ID == 0 {
		r.Fatalf("%q has no receipt", res.Message)
	}
	r.until("a closed receipt", func(s *control.Snapshot) bool {
		one := s.Receipt(res.ID)
		if one != nil {
			c = *one
		}
		return c.Closed
	})
	return c
}

func changesHaveReceipts(r *rig) {
	last := uint64(0)
	for _, value := range []string{"51s", "52s"} {
		res := r.apply(r.set("timeouts.idle", value))
		c := r.receiptOf(res)
		if res.ID <= last || c.Cut != 0 || c.Drained != 0 || !c.AsPlanned() || c.Summary == "" || c.Actor == "" {
			r.Errorf("the receipt of an update is %+v, want a higher number than %d, and that nothing ended", c, last)
		}
		last = res.ID
	}
	if res := r.apply(r.set("timeouts.idle", "52s")); res.ID != 0 {
		r.Errorf("a change that changes nothing has receipt %d", res.ID)
	}
}

func stopHasAReceipt(r *rig) {
	p, err := r.Controller.Plan(r.ctx, r.set("enabled", "false"))
	if err != nil || len(p.Listeners) != 1 {
		r.Fatalf("plan to stop is %+v, %v", p, err)
	}
	c := r.receiptOf(r.apply(r.set("enabled", "false")))
	if c.Planned.Drained != p.Listeners[0].Drained || c.Planned.Cut != p.Listeners[0].Cut || c.Open != 0 || !c.AsPlanned() {
		r.Errorf("the receipt of a stop is %+v, want what was planned: %+v", c, p.Listeners[0])
	}
}

func restartHasAReceipt(r *rig) {
	if l := r.listener(r.snapshot()); !l.Prefork {
		r.Skip("the listener is served in the master process")
	}
	for _, a := range []control.Action{
		{Kind: control.RestartWorker, Listener: r.Listener},
		{Kind: control.RestartWorkers, Listener: r.Listener},
	} {
		res, err := r.Controller.Act(r.ctx, a)
		if err != nil {
			r.Fatalf("%s: %v", a.Kind, err)
		}
		if c := r.receiptOf(res); c.Open != 0 || !c.AsPlanned() {
			r.Errorf("the receipt of %s is %+v, want it as planned", a.Kind, c)
		}
	}
}

func rollbackHasAReceipt(r *rig) {
	before := r.snapshot().Config.Generation
	r.apply(r.set("timeouts.idle", "53s"))
	res, err := r.Controller.Act(r.ctx, control.Action{Kind: control.Rollback, Generation: before})
	if err != nil {
		r.Fatalf("rollback: %v", err)
	}
	r.receiptOf(res)
}
