package action_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/tui/action"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// desk is a cockpit whose calls to the runtime wait until the test lets them go.
type desk struct {
	cockpit
	fake   *controltest.Fake
	data   *page.Data
	calls  []func(context.Context, control.Controller) tea.Msg
	said   []string
	modals dialog.Stack
	op     *action.Operator
}

func newDesk(scene string) *desk {
	d := &desk{fake: controltest.NewFake(controltest.Scene(scene)), data: page.Compare(controltest.Scene(scene), nil)}
	d.op = action.New(d, d, action.Options{}, page.MoveKeys("up", "down"))
	d.op.Saw(controltest.Scene(scene))
	return d
}

func (d *desk) Data() *page.Data          { return d.data }
func (d *desk) Lost() bool                { return false }
func (d *desk) Room() (width, height int) { return 80, 20 }
func (d *desk) Top() dialog.Modal         { return d.modals.Top() }
func (d *desk) Open(m dialog.Modal)       { d.modals.Push(m) }
func (d *desk) Close(m dialog.Modal)      { d.modals.Remove(m) }
func (d *desk) LookSoon() tea.Cmd         { return nil }
func (d *desk) Notify(_ component.Tone, text string) tea.Cmd {
	d.said = append(d.said, text)
	return nil
}

func (d *desk) After(time.Duration, func(time.Time) tea.Msg) tea.Cmd { return nil }

func (d *desk) Call(f func(context.Context, control.Controller) tea.Msg) tea.Cmd {
	d.calls = append(d.calls, f)
	return nil
}

// press presses a key on a listener.
func (d *desk) press(key, listener string) {
	d.op.HandleKey(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(key)}, page.Target{Listener: d.data.Listener(listener)})
}

// answer lets the runtime answer the oldest call.
func (d *desk) answer(t *testing.T) {
	t.Helper()
	if len(d.calls) == 0 {
		t.Fatal("nothing was asked of the runtime")
	}
	f := d.calls[0]
	d.calls = d.calls[1:]
	d.op.Update(f(t.Context(), d.fake))
}

// answerAll answers until nothing is asked any more.
func (d *desk) answerAll(t *testing.T) {
	t.Helper()
	for len(d.calls) > 0 {
		d.answer(t)
	}
}

func (d *desk) applied() (paths []string) {
	for _, c := range d.fake.Changes() {
		for _, e := range c.Patch {
			paths = append(paths, e.Path+"="+e.Value)
		}
	}
	return paths
}

func TestWhileAChangeIsUnderWayOnlyTheLastResizeOfAListenerWaits(t *testing.T) {
	t.Parallel()
	d := newDesk("many")
	workers := func(name string, more int) string {
		l := d.data.Listener(name)
		return fmt.Sprintf("listeners.%s.prefork.workers=%d", name, l.WorkersWanted+more)
	}
	var preforked []string
	for i := range d.data.Listeners {
		if l := &d.data.Listeners[i]; l.Prefork && l.Enabled && strings.HasPrefix(l.Name, "listener-") {
			preforked = append(preforked, l.Name)
		}
	}
	first, second := preforked[0], preforked[1]
	d.press("+", second)
	if !d.op.Busy() {
		t.Error("not busy while a change is planned")
	}
	d.press("+", first)
	d.press("+", second)
	d.press("+", second)
	d.answerAll(t)
	if d.op.Busy() {
		t.Error("busy when all is done")
	}
	want := []string{workers(second, 1), workers(first, 1), workers(second, 3)}
	if got := d.applied(); !slices.Equal(got, want) {
		t.Errorf("applied %v, want %v", got, want)
	}
}

func TestWhatWaitsIsDroppedWhenAChangeFails(t *testing.T) {
	t.Parallel()
	d := newDesk("busy")
	name := d.data.Listeners[1].Name
	d.press("+", name)
	d.press("+", name)
	d.fake.Fail(errors.New("connection reset"))
	d.answer(t)
	if len(d.calls) != 0 || d.op.Busy() || len(d.applied()) != 0 {
		t.Errorf("%d calls, busy %v, applied %v after a failure; want none", len(d.calls), d.op.Busy(), d.applied())
	}
	if len(d.said) != 1 || d.said[0] != "connection reset" {
		t.Errorf("said %q, want the failure once", d.said)
	}
	d.fake.Fail(nil)
	d.press("+", name)
	d.answerAll(t)
	if got := d.applied(); !slices.Equal(got, []string{"listeners." + name + ".prefork.workers=5"}) {
		t.Errorf("applied %v: what was dropped still counts", got)
	}
}

func TestAConflictNamesWhoeverChangedSomethingLast(t *testing.T) {
	t.Parallel()
	d := newDesk("busy")
	d.data.Events = d.data.Events[:1]
	d.data.Events[0].Actor = "alice"
	d.fake.Fail(control.ErrConflict)
	d.press("+", d.data.Listeners[1].Name)
	d.answer(t)
	if len(d.said) != 1 || d.said[0] != "changed meanwhile by alice; check and try again" {
		t.Errorf("said %q", d.said)
	}
}
