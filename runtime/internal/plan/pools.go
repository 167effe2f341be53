package plan

import (
	"reflect"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
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
	m := poolSummary(p)
	p.Summary, p.Code, p.Args = m.Text, m.Code, m.Args
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
func poolSummary(p control.PoolPlan) message.Message {
	switch {
	case p.Action == control.PoolAdded:
		return message.New(message.PlanPoolAdded, p.Name, len(p.Backends))
	case p.Action == control.PoolRemoved && p.Ending > 0:
		return message.New(message.PlanPoolEnding, p.Name, message.New(message.RequestsFinish, p.Ending))
	case p.Action == control.PoolRemoved:
		return message.New(message.PlanPoolRemoved, p.Name)
	}
	var changes []message.Message
	for _, b := range p.Backends {
		if does := backendTexts[b.Action]; does != "" {
			changes = append(changes, message.New(does, b.Name))
		}
	}
	if len(changes) == 0 {
		changes = append(changes, message.New(message.PoolLive))
	}
	if p.Ending > 0 {
		changes = append(changes, message.New(message.RequestsFinish, p.Ending))
	}
	return message.New(message.PlanPoolChanges, p.Name, changes)
}

var backendTexts = map[control.BackendAction]message.Code{
	control.BackendAdded: message.BackendAdded, control.BackendRemoved: message.BackendRemoved,
	control.BackendMoved: message.BackendMoved, control.BackendUpdated: message.BackendUpdated,
}
