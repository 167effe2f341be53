package dialog_test

import (
	"slices"
	"testing"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
)

// press makes a key of its name.
func press(name string) tea.KeyMsg {
	for kind, known := range map[tea.KeyType]string{tea.KeyEnter: "enter", tea.KeyEsc: "esc", tea.KeyTab: "tab", tea.KeyUp: "up", tea.KeyDown: "down", tea.KeyCtrlC: "ctrl+c"} {
		if name == known {
			return tea.KeyMsg{Type: kind}
		}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// clock has each guard wait until the test lets it pass.
type clock struct{ waiting []tea.Msg }

func (c *clock) after(d time.Duration, f func(time.Time) tea.Msg) tea.Cmd {
	if d != dialog.GuardTime {
		panic("another time than that of a guard")
	}
	c.waiting = append(c.waiting, f(time.Time{}))
	return func() tea.Msg { return nil }
}

// pass ends the guards that have begun, in their order.
func (c *clock) pass(n int) {
	for _, m := range c.waiting[:n] {
		m.(dialog.ArmedMsg).Arm()
	}
	c.waiting = c.waiting[n:]
}

// TestAQuestionTakesNoKeyThatNobodyMeant: who types ahead has not read it.
func TestAQuestionTakesNoKeyThatNobodyMeant(t *testing.T) {
	var c clock
	var answers []int
	var s dialog.Stack
	q, cmd := dialog.Ask(dialog.Confirmation("stop web?", "stop", nil), c.after, func(button int) tea.Cmd { answers = append(answers, button); return nil })
	if s.Push(q); cmd == nil {
		t.Fatal("no guard")
	}
	if s.HandleKey(press("y")) == nil || len(answers) != 0 {
		t.Errorf("a key that comes too early: answers %v, want none and another guard", answers)
	}
	c.pass(1) // the first guard, which has been begun again
	if s.HandleKey(press("y")); len(answers) != 0 {
		t.Errorf("the guard before the last key has armed it: answers %v", answers)
	}
	c.pass(2)
	if s.HandleKey(press("x")) != nil || s.Top() != dialog.Modal(q) {
		t.Error("a key of no button closed it")
	}
	s.HandleKey(press("y"))
	if !slices.Equal(answers, []int{dialog.Confirm}) || s.Top() != nil {
		t.Errorf("answers %v, %v open; want one and none", answers, s.Top())
	}
}

func TestAConfirmationIsCancelledUnlessSomebodyMeansIt(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		want int
	}{
		{[]string{"enter"}, dialog.Cancel},
		{[]string{"esc"}, dialog.Cancel},
		{[]string{"tab", "esc"}, dialog.Cancel},
		{[]string{"tab", "enter"}, dialog.Confirm},
		{[]string{"tab", "tab", "enter"}, dialog.Cancel},
		{[]string{"y"}, dialog.Confirm},
	} {
		var c clock
		var s dialog.Stack
		got := -1
		q, _ := dialog.Ask(dialog.Confirmation("stop web?", "stop", nil), c.after, func(button int) tea.Cmd { got = button; return nil })
		s.Push(q)
		c.pass(1)
		for _, k := range tt.keys {
			s.HandleKey(press(k))
		}
		if got != tt.want || s.Top() != nil {
			t.Errorf("%v: button %d, want %d", tt.keys, got, tt.want)
		}
	}
}

func TestTheUppermostModalHasTheKeys(t *testing.T) {
	var s dialog.Stack
	if s.HandleKey(press("x")) != nil || s.Top() != nil {
		t.Error("an empty stack answers")
	}
	up, down := key.NewBinding(key.WithKeys("up")), key.NewBinding(key.WithKeys("down"))
	help := &dialog.Help{Up: up, Down: down}
	var typed []string
	line := &dialog.Input{Input: component.NewInput("/", ""), Typed: func(v string) { typed = append(typed, v) }}
	s.Push(help)
	s.Push(line)
	for _, k := range []string{"a", "b", "enter"} {
		s.HandleKey(press(k))
	}
	if !slices.Equal(typed, []string{"a", "ab"}) || s.Top() != dialog.Modal(help) {
		t.Errorf("typed %v, want a and ab, and the help below", typed)
	}
	s.Push(line)
	s.HandleKey(press("esc"))
	if typed[len(typed)-1] != "" {
		t.Errorf("given up: %v, want nothing in effect", typed)
	}
	for _, k := range []string{"down", "up"} {
		if s.HandleKey(press(k)); s.Top() != dialog.Modal(help) {
			t.Errorf("%s closed the help", k)
		}
	}
	s.Push(line)
	s.Remove(help) // from below
	s.Remove(help) // which is not there any more
	if s.Top() != dialog.Modal(line) {
		t.Error("the wrong modal was removed")
	}
	s.Push(help)
	s.HandleKey(press("x"))
	if s.Top() != dialog.Modal(line) {
		t.Error("any other key closes the help")
	}
}

// TestAFormStaysUntilItsChangeIsMade, and takes only esc meanwhile.
func TestAFormStaysUntilItsChangeIsMade(t *testing.T) {
	var s dialog.Stack
	var did []string
	waits := false
	f := &dialog.Form{
		Form: component.NewForm("web", []component.Field{{Name: "idle", Label: "idle"}}, []string{"2m"}),
		Submit: func(f *dialog.Form) tea.Cmd {
			did = append(did, map[bool]string{true: "plan", false: "apply"}[f.ShowPlan])
			return nil
		},
		Waits:  func() bool { return waits },
		Closed: func() { did = append(did, "closed") },
	}
	s.Push(f)
	s.HandleKey(press("s"))
	s.HandleKey(press("enter"))
	s.HandleKey(tea.KeyMsg{Type: tea.KeyCtrlT})
	waits = true
	s.HandleKey(press("enter"))
	if s.Top() != dialog.Modal(f) || !slices.Equal(did, []string{"apply", "plan"}) {
		t.Errorf("did %v, %v open; want it applied, then planned, and open", did, s.Top())
	}
	s.HandleKey(press("esc"))
	if s.Top() != nil || did[len(did)-1] != "closed" {
		t.Errorf("after esc: did %v, %v open", did, s.Top())
	}
	f.Waits = nil
	s.Push(f)
	if s.HandleKey(press("enter")); did[len(did)-1] != "apply" {
		t.Errorf("did %v, want it applied where nothing is waited for", did)
	}
}
