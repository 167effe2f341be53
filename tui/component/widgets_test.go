package component_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
)

func letter(s string) tea.KeyMsg { return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(s)} }

func newTable() *component.Table {
	return &component.Table{Columns: []component.Column{
		{Title: "NAME", Width: 4, Want: 10},
		{Title: "NUMBER", Short: "NO", Width: 3, Right: true, Rank: 1},
		{Title: "LESS", Width: 4, Rank: 2},
		{Title: "CHART", Width: 5, Want: 20, Fill: true, Rank: 3},
		{Title: "EXTRA", Width: 5, Rank: 10},
	}}
}

func TestTableDropsTheHighestRanksFirst(t *testing.T) {
	st := testStyles(t, themes.Plain)
	for width, want := range map[int]string{
		60: " NAME         NO  LESS  CHART                 EXTRA",
		24: " NAME    NO  LESS  CHART",
		20: " NAME  NO LESS CHART",
		18: " NAME     NO  LESS",
		12: " NAME     NO",
		8:  " NAME",
		3:  " N…",
	} {
		tb := newTable()
		tb.Layout(width)
		if got := tb.Head(st); got != want {
			t.Errorf("at %d: %q, want %q", width, got, want)
		}
	}
}

func TestTableRowsAreAsWideAsTheTable(t *testing.T) {
	for _, depth := range []themes.Depth{themes.Plain, themes.TrueColor} {
		st := testStyles(t, depth)
		for width := 2; width < 90; width++ {
			tb := newTable()
			tb.Layout(width)
			row := tb.Row(st, true, func(column int) component.Cell {
				return component.Cell{Paint: st.Good, Text: []string{"名前が長い", "1234567", "x\x1b[2J", "▁▂▃", ""}[column]}
			})
			if got := component.Width(row); depth != themes.Plain && got != width || got > width {
				t.Errorf("the row is %d cells wide, the table %d: %q", got, width, row)
			}
		}
	}
}

func TestTableFollowsChangedColumns(t *testing.T) {
	st := testStyles(t, themes.Plain)
	tb := newTable()
	tb.Layout(60)
	before := tb.Head(st)
	tb.Columns[0].Want = 20
	tb.Layout(60)
	if tb.Head(st) == before {
		t.Error("the column that wants more got nothing")
	}
}

func TestListKeepsTheCursorInItsWindow(t *testing.T) {
	var l component.List
	for _, step := range []struct{ by, n, height, from, to, cursor int }{
		{0, 10, 4, 0, 4, 0}, {5, 10, 4, 2, 6, 5}, {-1, 10, 4, 2, 6, 4}, {100, 10, 4, 6, 10, 9}, {0, 3, 4, 0, 3, 2}, {0, 0, 4, 0, 0, 0}, {-5, 2, 0, 0, 1, 0},
	} {
		l.Move(step.by, step.n)
		if from, to := l.Window(step.height, step.n); from != step.from || to != step.to || l.Cursor != step.cursor {
			t.Errorf("%+v: window %d-%d, cursor %d", step, from, to, l.Cursor)
		}
	}
}

func TestBarsKeepTheirHeightWhileTimeGoesOn(t *testing.T) {
	series := make([]float64, 120)
	for i := range series {
		series[i] = float64(i * i % 17)
	}
	const newest = 1_000_003
	for later := range int64(3) {
		a := component.Buckets(series[:100], newest, 10, 60)
		b := component.Buckets(series[:100+later], newest+later, 10, 60)
		shift := int((newest+later)/6 - newest/6)
		// The newest bar still grows, the others must not.
		if !slices.Equal(a[shift:9], b[:9-shift]) {
			t.Errorf("after %d seconds the bars are %v, were %v", later, b, a)
		}
	}
	if got := component.Buckets([]float64{1}, 7, 3, 3); got[0] != -1 || got[2] != 1 {
		t.Errorf("a short series gives %v, want unknown ones first", got)
	}
}

func TestSmallestTrafficIsNotNothing(t *testing.T) {
	st := testStyles(t, themes.Plain)
	got := component.Spark(st, []float64{-1, 0, 0.001, 50, 100}, 0, nil).Render(10, "")
	if want := " ▁▂▅▇"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDialogIsDeafUntilArmedAndToPastes(t *testing.T) {
	d := &component.Dialog{Buttons: []component.Button{{Label: "cancel"}, {Label: "stop", Key: "y"}}}
	if got := d.Press(letter("y")); got != -1 {
		t.Errorf("unarmed: pressed %d", got)
	}
	d.Arm()
	paste := letter("y")
	paste.Paste = true
	for _, k := range []tea.KeyMsg{paste, letter("yy"), letter("s"), {Type: tea.KeyRunes, Runes: []rune("y"), Alt: true}} {
		if got := d.Press(k); got != -1 {
			t.Errorf("%q: pressed %d", k, got)
		}
	}
	if got := d.Press(letter("y")); got != 1 {
		t.Errorf("y pressed %d, want 1", got)
	}
	d.Press(tea.KeyMsg{Type: tea.KeyRight})
	if got := d.Press(tea.KeyMsg{Type: tea.KeyEnter}); got != 1 {
		t.Errorf("right, enter pressed %d, want 1", got)
	}
}

func TestDialogAndFormFitSmallWindows(t *testing.T) {
	st := testStyles(t, themes.Plain)
	d := &component.Dialog{Title: "stop everything now?", Body: []string{strings.Repeat("a long story ", 9), "and more"},
		Buttons: []component.Button{{Label: "keep running"}, {Label: "stop everything", Key: "y"}, {Label: "cancel"}}}
	for width := 12; width < 90; width++ {
		for _, l := range d.Lines(st, width, 12) {
			if component.Width(l) > width {
				t.Errorf("%d cells in %d: %q", component.Width(l), width, l)
			}
		}
	}
	if lines := d.Lines(st, 30, 9); !strings.Contains(strings.Join(lines, "\n"), "cancel") || len(lines) > 9 {
		t.Errorf("the buttons have no room:\n%s", strings.Join(lines, "\n"))
	}
}

func TestFormKnowsWhatChangedAndGoesToWhatIsWrong(t *testing.T) {
	check := func(v string) error {
		if v == "bad" {
			return errors.New("that is bad")
		}
		return nil
	}
	f := component.NewForm("form", []component.Field{{Name: "a", Label: "first", Check: check}, {Name: "b", Label: "second", Check: check}}, []string{"1", "2"})
	enter, tab, clear := tea.KeyMsg{Type: tea.KeyEnter}, tea.KeyMsg{Type: tea.KeyTab}, tea.KeyMsg{Type: tea.KeyCtrlU}
	if f.Press(enter) != component.Submitted || len(f.Changed()) != 0 {
		t.Errorf("untouched: changed %v", f.Changed())
	}
	f.Press(tab)
	f.Press(clear)
	f.Press(letter("bad"))
	f.Press(tab)
	if got := f.Press(enter); got != component.Editing {
		t.Errorf("a wrong form was %v", got)
	}
	f.Press(clear) // the focus must be at the wrong field
	f.Press(letter("3"))
	if got := f.Press(enter); got != component.Submitted || fmt.Sprint(f.Changed()) != "[b]" || f.Value("b") != "3" {
		t.Errorf("answer %v, changed %v, b is %q", got, f.Changed(), f.Value("b"))
	}
}

func TestOverlayLeavesTheRestAlone(t *testing.T) {
	lines := []string{strings.Repeat("a", 20), "日本語日本語日本語日", "", strings.Repeat("b", 20)}
	got := component.Overlay(lines, []string{"[----]", "[box-]"}, 20)
	for i, want := range []string{"aaaaaaaaaaaaaaaaaaaa", "日本語 [----] 日本語日"} {
		if i == 1 {
			if component.Width(got[i]) > 20 || !strings.Contains(got[i], "[----]") {
				t.Errorf("line 1 is %q", got[i])
			}
			continue
		}
		if got[i] != want {
			t.Errorf("line %d is %q, want %q", i, got[i], want)
		}
	}
	if got[2] != "       [box-]" || got[3] != lines[3] {
		t.Errorf("lines are %q", got)
	}
}

func TestFooterEndsWithTheKeysThatAlwaysHelp(t *testing.T) {
	st := testStyles(t, themes.Plain)
	keys, always := bindingsFor("a", "b", "c"), bindingsFor("?", "q")
	for width, want := range map[int]string{60: " a key a  b key b  c key c  ? key ?  q key q", 26: " a key a  ? key ?  q key q", 17: " ? key ?  q key q", 9: " ? key ?"} {
		if got := component.Footer(st, keys, always, width); got != want {
			t.Errorf("at %d: %q, want %q", width, got, want)
		}
	}
}
