package action_test

import (
	"testing"

	"github.com/charmbracelet/bubbles/key"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/action"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// cockpit has what an operator needs to be made.
type cockpit struct {
	action.Env
	action.Navigator
}

func (cockpit) Styles() *component.Styles {
	th, err := themes.Load("mono")
	if err != nil {
		panic(err)
	}
	return component.NewStyles(th, themes.Plain, themes.ASCII())
}

var (
	listener = &page.Listener{ListenerInfo: &control.ListenerInfo{Name: "web", Enabled: true}}
	worker   = &page.Worker{WorkerInfo: &control.WorkerInfo{}}
)

func operator() *action.Operator {
	return action.New(cockpit{}, cockpit{}, action.Options{}, page.MoveKeys("up", "down"))
}

func TestEveryActionHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range operator().All() {
		if a.ID == "" || seen[a.ID] {
			t.Errorf("%q names two actions, or none", a.ID)
		}
		seen[a.ID] = true
	}
}

// A key may do several things, but on what is selected only one.
func TestAKeyDoesOneThingOnATarget(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]page.Target{
		"nothing":      {},
		"a listener":   {Listener: listener},
		"inside":       {Listener: listener, Inside: true, Worker: worker},
		"a setting":    {Setting: &page.Setting{}, Inside: true},
		"a generation": {Generation: &control.Generation{}, Rows: true},
	} {
		does := map[string]string{}
		for _, a := range operator().All() {
			if a.Run == nil || a.Applies != nil && !a.Applies(target) {
				continue
			}
			for _, k := range a.Key.Keys() {
				if does[k] != "" {
					t.Errorf("on %s, %q is %s and %s", name, k, does[k], a.ID)
				}
				does[k] = a.ID
			}
		}
	}
}

func TestTheFooterOffersOnlyWhatApplies(t *testing.T) {
	t.Parallel()
	o := operator()
	for _, target := range []page.Target{{}, {Inside: true}, {Setting: &page.Setting{}}, {Listener: listener, Inside: true}} {
		offered := map[string]bool{}
		for _, b := range o.Footer(target) {
			offered[b.Help().Key] = true
		}
		for _, a := range o.All() {
			if a.Run == nil || a.Applies == nil || a.Applies(target) {
				continue
			}
			if offered[a.Key.Help().Key] && !does(o, a.Key, target) {
				t.Errorf("%s is offered on %+v, where nothing comes of it", a.ID, target)
			}
		}
	}
}

// does reports whether another action of the same key applies.
func does(o *action.Operator, b key.Binding, t page.Target) bool {
	for _, a := range o.All() {
		if a.Run != nil && a.Key.Help().Key == b.Help().Key && (a.Applies == nil || a.Applies(t)) {
			return true
		}
	}
	return false
}
