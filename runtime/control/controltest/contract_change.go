package controltest

import (
	"slices"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func planChangesNothing(r *rig) {
	before := r.snapshot()
	idle := r.listener(before).Timeouts.Idle
	c := r.set("timeouts.idle", "43s")
	c.Base = before.Generation
	p, err := r.Controller.Plan(r.ctx, c)
	if err != nil {
		r.Fatalf("Plan: %v", err)
	}
	if p.Generation != before.Generation || p.Summary == "" {
		r.Errorf("plan is for generation %d with summary %q, want generation %d and some words", p.Generation, p.Summary, before.Generation)
	}
	r.wantOneChange(p.Changes, "timeouts.idle", "43s")
	if len(p.Listeners) != 1 || p.Listeners[0].Name != r.Listener || p.Listeners[0].Action != "update" || p.Listeners[0].Drained != 0 {
		r.Errorf("plan for listeners %+v, want an update of %s that drains nothing", p.Listeners, r.Listener)
	}
	r.unchanged(before)
	if got := r.listener(r.snapshot()).Timeouts.Idle; got != idle {
		r.Errorf("idle timeout is %s after a plan, want %s", got, idle)
	}
}

func (r *rig) wantOneChange(changes []config.Change, key, to string) {
	r.Helper()
	if len(changes) != 1 || changes[0].Path != r.path(key) || changes[0].To != to || changes[0].Effect == "" {
		r.Errorf("changes are %+v, want one of %s to %s with an effect", changes, r.path(key), to)
	}
}

func applyRaisesTheGenerationAndShows(r *rig) {
	before := r.snapshot()
	c := r.set("timeouts.idle", "44s")
	c.Base = before.Generation
	res := r.apply(c)
	if res.Generation <= before.Generation || res.Message == "" {
		r.Errorf("result has generation %d and message %q, want more than %d and some words", res.Generation, res.Message, before.Generation)
	}
	r.wantOneChange(res.Changes, "timeouts.idle", "44s")
	now := r.snapshot()
	if got := r.listener(now).Timeouts.Idle; now.Generation != res.Generation || got != "44s" {
		r.Errorf("the next snapshot has generation %d and idle timeout %s, want %d and 44s", now.Generation, got, res.Generation)
	}
}

func applyIsInTheEvents(r *rig) {
	r.apply(r.set("timeouts.idle", "45s"))
	r.until("an event of the change, with its actor", func(s *control.Snapshot) bool {
		return slices.ContainsFunc(s.Events, func(e control.Event) bool { return strings.HasPrefix(e.Actor, "contract") })
	})
}

func sameChangeAgainChangesNothing(r *rig) {
	c := r.set("timeouts.idle", "46s")
	r.apply(c)
	before := r.snapshot()
	c.Base = before.Generation
	if res := r.apply(c); len(res.Changes) != 0 || res.Generation != before.Generation {
		r.Errorf("the same change again made %+v, generation %d; want none, generation %d", res.Changes, res.Generation, before.Generation)
	}
	r.unchanged(before)
}

func emptyChangeChangesNothing(r *rig) {
	before := r.snapshot()
	p, err := r.Controller.Plan(r.ctx, control.Change{})
	if err != nil || len(p.Changes) != 0 || len(p.Listeners) != 0 {
		r.Errorf("plan of an empty change is %+v, %v; want an empty one", p, err)
	}
	if res := r.apply(control.Change{}); len(res.Changes) != 0 || res.Generation != before.Generation {
		r.Errorf("an empty change made %+v, generation %d; want none, generation %d", res.Changes, res.Generation, before.Generation)
	}
	r.unchanged(before)
}

func staleBaseIsAConflict(r *rig) {
	old := r.snapshot().Generation
	r.apply(r.set("timeouts.idle", "47s"))
	before := r.snapshot()
	for _, base := range []uint64{old, before.Generation + 1} {
		c := r.set("timeouts.idle", "48s")
		c.Base = base
		_, err := r.Controller.Apply(r.ctx, c)
		r.wantError("Apply on generation "+strconv.FormatUint(base, 10), err, control.ErrConflict)
		_, err = r.Controller.Plan(r.ctx, c)
		r.wantError("Plan on generation "+strconv.FormatUint(base, 10), err, control.ErrConflict)
	}
	r.unchanged(before)
}

// What others have changed meanwhile matters only where it is the same value.
func changesOfOtherValuesAreNoConflict(r *rig) {
	old := r.snapshot().Generation
	r.apply(r.set("timeouts.idle", "47s"))
	for _, on := range []string{"false", "true"} {
		c := r.set("enabled", on)
		c.Base = old
		if p, err := r.Controller.Plan(r.ctx, c); err != nil || len(p.Changes) != 1 {
			r.Errorf("a plan of another value than was changed meanwhile is %+v, %v; want one of it alone", p, err)
		}
		old = r.apply(c).Generation
	}
	c := r.set("enabled", "false")
	c.Base = old - 1
	_, err := r.Controller.Apply(r.ctx, c)
	r.wantError("a change of the value that was changed meanwhile", err, control.ErrConflict)
	if got := r.listener(r.snapshot()).Timeouts.Idle; got != "47s" {
		r.Errorf("idle timeout is %s, want 47s as somebody else set it", got)
	}
}

func wrongPatchesAreRefusedByPath(r *rig) {
	before := r.snapshot()
	for _, e := range []config.Edit{
		{Path: "listeners.there-is-none.enabled", Value: "false"},
		{Path: r.path("timeouts.raed"), Value: "1s"},
		{Path: "nonsense", Value: "1"},
		{Path: "", Value: "1"},
		{Path: r.path("timeouts.idle"), Value: "soon"},
		{Path: r.path("timeouts.idle"), Value: "-1s"},
		{Path: r.path("enabled"), Value: "perhaps"},
		{Path: r.path("prefork.workers"), Value: "-1"},
	} {
		c := control.Change{Patch: config.Patch{e}}
		_, err := r.Controller.Apply(r.ctx, c)
		got := r.wantError("Apply of "+e.Path+": "+e.Value, err, control.ErrInvalid, control.ErrNotFound)
		if len(got.Details) == 0 || got.Details[0].Message == "" || !related(got.Details[0].Path, e.Path) {
			r.Errorf("%s: %s: details %+v, want one that names the path", e.Path, e.Value, got.Details)
		}
		_, err = r.Controller.Plan(r.ctx, c)
		r.wantError("Plan of "+e.Path+": "+e.Value, err, control.ErrInvalid, control.ErrNotFound)
	}
	r.unchanged(before)
}

// related reports whether one path is the other or lies below it: a missing
// listener may be named by itself or by a key it lacks.
func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b) || strings.HasPrefix(b, a) || parent(a) == parent(b)
}

func parent(path string) string {
	return path[:max(0, strings.LastIndexByte(path, '.'))]
}

func oneWrongEditRefusesAll(r *rig) {
	before := r.snapshot()
	idle := r.listener(before).Timeouts.Idle
	_, err := r.Controller.Apply(r.ctx, control.Change{Patch: config.Patch{
		{Path: r.path("timeouts.idle"), Value: "49s"},
		{Path: r.path("timeouts.read"), Value: "never"},
	}})
	r.wantError("Apply of a right and a wrong edit", err, control.ErrInvalid)
	r.unchanged(before)
	if got := r.listener(r.snapshot()).Timeouts.Idle; got != idle {
		r.Errorf("idle timeout is %s, want %s as before", got, idle)
	}
}

func wrongConfigIsRefused(r *rig) {
	before := r.snapshot()
	_, err := r.Controller.Apply(r.ctx, control.Change{Config: "version: 1\nlisteners: {web: {adress: \":80\"}}\n"})
	r.wantError("Apply of a wrong config", err, control.ErrInvalid, control.ErrUnsupported)
	r.unchanged(before)
}

func patchAndConfigExcludeEachOther(r *rig) {
	c := r.set("timeouts.idle", "50s")
	c.Config = "version: 1\n"
	_, err := r.Controller.Plan(r.ctx, c)
	r.wantError("Plan of both a patch and a config", err, control.ErrInvalid)
	before := r.snapshot()
	_, err = r.Controller.Apply(r.ctx, c)
	r.wantError("Apply of both a patch and a config", err, control.ErrInvalid)
	r.unchanged(before)
}

func poolsAreEdited(r *rig) {
	before := r.snapshot()
	if len(before.Pools) == 0 {
		r.Skip("there is no pool")
	}
	pool := before.Pools[0]
	backend := pool.Backends[0]
	path := "pools." + pool.Name + ".backends." + backend.Name + ".weight"
	c := control.Change{Patch: config.Patch{{Path: path, Value: strconv.Itoa(backend.Weight + 1)}}, Actor: "contract"}
	p, err := r.Controller.Plan(r.ctx, c)
	if err != nil || len(p.Pools) != 1 || p.Pools[0].Name != pool.Name || p.Pools[0].Action != control.PoolUpdated || p.Pools[0].Ending != 0 {
		r.Errorf("the plan of another weight is %+v, %v; want an update of the pool that ends nothing", p, err)
	}
	res := r.apply(c)
	if now := r.snapshot().Pools[0].Backends[0]; len(res.Changes) != 1 || res.Changes[0].Path != path || now.Weight != backend.Weight+1 || now.Requests < backend.Requests {
		r.Errorf("%+v made of %+v backend %+v, want one more weight and its counts as before", res.Changes, backend, now)
	}
	_, err = r.Controller.Apply(r.ctx, control.Change{Patch: config.Patch{{Path: path, Value: "heavy"}}})
	r.wantError("Apply of a wrong weight", err, control.ErrInvalid)
}

func stopAndStart(r *rig) {
	p, err := r.Controller.Plan(r.ctx, r.set("enabled", "false"))
	if err != nil || len(p.Listeners) != 1 || p.Listeners[0].Action != "stop" {
		r.Errorf("plan to stop is %+v, %v", p, err)
	}
	r.apply(r.set("enabled", "false"))
	r.until("a stopped listener", func(s *control.Snapshot) bool {
		l := r.listener(s)
		return !l.Enabled && l.State == control.StateStopped && l.WorkersReady == 0
	})
	r.apply(r.set("enabled", "true"))
	r.until("a serving listener", func(s *control.Snapshot) bool {
		l := r.listener(s)
		return l.Enabled && l.State == control.StateServing && l.WorkersReady == l.WorkersWanted
	})
}

func resizeWorkers(r *rig) {
	l := r.listener(r.snapshot())
	if !l.Prefork {
		r.Skip("the listener is served in the master process")
	}
	for _, n := range []int{l.WorkersWanted + 1, l.WorkersWanted} {
		r.apply(r.set("prefork.workers", strconv.Itoa(n)))
		r.until(strconv.Itoa(n)+" workers", func(s *control.Snapshot) bool {
			l := r.listener(s)
			return l.State == control.StateServing && l.WorkersWanted == n && l.WorkersReady == n && len(l.Workers) == n
		})
	}
}
