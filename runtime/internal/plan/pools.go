package plan

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// poolPlans tell what a change does to the pools that it touches, by name.
func poolPlans(v View, to *config.Config) (plans []control.PoolPlan) {
	for _, name := range sortedNames(v.Config.Pools, to.Pools) {
		was, had := v.Config.Pools[name]
		will, has := to.Pools[name]
		switch {
		case had && has && reflect.DeepEqual(was, will):
		case !had:
			plans = append(plans, poolPlan(name, control.PoolAdded, was, will, v.Backends))
		case !has:
			plans = append(plans, poolPlan(name, control.PoolRemoved, was, will, v.Backends))
		default:
			plans = append(plans, poolPlan(name, control.PoolUpdated, was, will, v.Backends))
		}
	}
	return plans
}

func poolPlan(name string, action control.PoolAction, was, will config.Pool, loads map[string]Load) control.PoolPlan {
	p := control.PoolPlan{Name: name, Action: action, Backends: []control.BackendPlan{}}
	for _, backend := range sortedNames(was.Backends, will.Backends) {
		b := backendPlan(backend, was.Backends, will.Backends)
		if b.Action != control.BackendAdded {
			load := loads[name+"/"+backend]
			b.Active, b.Idle = load.Active, load.Idle
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
	var parts []string
	switch p.Action {
	case control.PoolAdded:
		return fmt.Sprintf("pool %s is added with %s", p.Name, words.Count(len(p.Backends), "backend"))
	case control.PoolRemoved:
		parts = append(parts, fmt.Sprintf("pool %s is removed", p.Name))
	default:
		for _, b := range p.Backends {
			if does := backendWords[b.Action]; does != "" {
				parts = append(parts, b.Name+" "+does)
			}
		}
		if len(parts) == 0 {
			parts = []string{"changes live"}
		}
		parts[0] = fmt.Sprintf("pool %s: %s", p.Name, parts[0])
	}
	if p.Ending > 0 {
		parts = append(parts, counted(p.Ending, "request", "finishes", "finish")+" first")
	}
	return strings.Join(parts, ", ")
}

var backendWords = map[control.BackendAction]string{
	control.BackendAdded: "is added", control.BackendRemoved: "is removed",
	control.BackendMoved: "moves", control.BackendUpdated: "is weighted anew",
}
