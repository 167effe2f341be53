package runtime

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// poolPlans tell what a change would do to the pools that it touches, by name.
func (a *App) poolPlans(from, to *config.Config) (plans []control.PoolPlan) {
	touched := map[string]bool{}
	for _, pools := range []map[string]config.Pool{from.Pools, to.Pools} {
		for name := range pools {
			if !samePool(from, to, name) {
				touched[name] = true
			}
		}
	}
	if len(touched) == 0 {
		return nil
	}
	counts := a.backendCounts()
	for _, name := range sortedKeys(touched) {
		plans = append(plans, poolPlan(name, from, to, counts))
	}
	return plans
}

func samePool(from, to *config.Config, name string) bool {
	was, had := from.Pools[name]
	will, has := to.Pools[name]
	return had == has && reflect.DeepEqual(was, will)
}

func poolPlan(name string, from, to *config.Config, counts map[string]backendCounts) control.PoolPlan {
	was, had := from.Pools[name]
	will, has := to.Pools[name]
	p := control.PoolPlan{Name: name, Action: "update", Backends: []control.BackendPlan{}}
	switch {
	case !had:
		p.Action = "add"
	case !has:
		p.Action = "remove"
	}
	names := map[string]bool{}
	for _, backends := range []map[string]config.Backend{was.Backends, will.Backends} {
		for backend := range backends {
			names[backend] = true
		}
	}
	for _, backend := range sortedKeys(names) {
		b := backendPlan(backend, was.Backends, will.Backends)
		if b.Action != control.BackendAdded {
			t := counts[name+"/"+backend]
			b.Active, b.Idle = int(t.Active), int(t.Idle())
		}
		p.Active += b.Active
		if b.Action == control.BackendRemoved || b.Action == control.BackendMoved {
			p.Ending += b.Active
		}
		p.Backends = append(p.Backends, b)
	}
	p.Summary = poolSummary(p)
	return p
}

func backendPlan(name string, from, to map[string]config.Backend) control.BackendPlan {
	was, had := from[name]
	will, has := to[name]
	p := control.BackendPlan{Name: name, URL: will.URL, Action: control.BackendKept}
	switch {
	case !had:
		p.Action = control.BackendAdded
	case !has:
		p.Action, p.URL = control.BackendRemoved, was.URL
	case was.URL != will.URL:
		p.Action = control.BackendMoved
	case was != will:
		p.Action = control.BackendUpdated
	}
	return p
}

// poolSummary: "pool api: b is added, c is removed, 3 requests finish first".
func poolSummary(p control.PoolPlan) string {
	var said []string
	switch p.Action {
	case "add":
		return fmt.Sprintf("pool %s is added with %s", p.Name, words.Count(len(p.Backends), "backend"))
	case "remove":
		said = append(said, fmt.Sprintf("pool %s is removed", p.Name))
	default:
		for _, b := range p.Backends {
			if word := backendWords[b.Action]; word != "" {
				said = append(said, b.Name+" "+word)
			}
		}
		if len(said) == 0 {
			said = []string{"changes live"}
		}
		said[0] = fmt.Sprintf("pool %s: %s", p.Name, said[0])
	}
	if p.Ending > 0 {
		said = append(said, pluralVerb(p.Ending, "request", "finishes", "finish")+" first")
	}
	return strings.Join(said, ", ")
}

var backendWords = map[string]string{
	control.BackendAdded: "is added", control.BackendRemoved: "is removed",
	control.BackendMoved: "moves", control.BackendUpdated: "is weighted anew",
}
