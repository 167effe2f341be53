package component_test

import (
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
)

func testStyles(t testing.TB, depth themes.Depth) *component.Styles {
	t.Helper()
	th, err := themes.Load("dark")
	if err != nil {
		t.Fatal(err)
	}
	return component.NewStyles(th, depth, themes.Unicode())
}

func FuzzWidths(f *testing.F) {
	for _, seed := range []string{"web", "\x1b[31mred", "\x1b]0;x\a", "日本\u202e語", "\xff\x1b", "e\u0301", "👩‍👩‍👧‍👦", "\u009b31m", "\x1bP1;2q\x1b\\"} {
		f.Add(seed, 7)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width %= 300
		if cut := component.Cut(s, width, "…"); component.Width(cut) > max(0, width) {
			t.Errorf("Cut(%q, %d) = %q is %d cells wide", s, width, cut, component.Width(cut))
		}
		for _, l := range component.Wrap(s, width, 3, "…") {
			if component.Width(l) > width && width > 1 {
				t.Errorf("Wrap(%q, %d) has the line %q, %d cells wide", s, width, l, component.Width(l))
			}
		}
		if a := component.ASCII(printable.Text(s)); component.Width(a) != len(a) {
			t.Errorf("ASCII(%q) = %q is not ASCII", s, a)
		}
	})
}

func TestCutMeasuresCells(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"listener", 8, "listener"}, {"listener", 7, "listen…"}, {"日本語", 6, "日本語"}, {"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"x", 0, ""},
	} {
		if got := component.Cut(tt.in, tt.width, "…"); got != tt.want {
			t.Errorf("Cut(%q, %d) = %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}

func TestNumbersHaveThreeDigits(t *testing.T) {
	rates := map[float64]string{-1: "?", 0: "0", 0.01: "0.1", 0.44: "0.4", 9.94: "9.9", 9.96: "10", 180: "180", 999.4: "999",
		999.6: "1.00k", 1234: "1.23k", 12345: "12.3k", 123456: "123k", 999999: "1.00M", 1e9: "1.00G"}
	for v, want := range rates {
		if got := component.Rate(v, "?"); got != want {
			t.Errorf("Rate(%v) = %q, want %q", v, got, want)
		}
	}
	shorts := map[uint64]string{0: "0", 9999: "9999", 10000: "10k", 999_999: "1.0M", 1_234_567: "1.2M", 12_345_678: "12M", 1 << 63: "9.2E"}
	for v, want := range shorts {
		if got := component.Short(v); got != want || len(got) > 4 {
			t.Errorf("Short(%v) = %q, want %q", v, got, want)
		}
	}
	if got := component.Count(12_345); got != "12.3k" {
		t.Errorf("Count(12345) = %q", got)
	}
	for v, want := range map[float64]string{0: "0", 999: "999", 1023: "1.00K", 1 << 20: "1.00M", 18.8 * (1 << 20): "18.8M", -1: "?"} {
		if got := component.Bytes(v, "?"); got != want {
			t.Errorf("Bytes(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0.00", 0.21: "0.21", 18.44: "18.4", 184: "184", 1200: "1.2s"} {
		if got := component.Millis(v); got != want {
			t.Errorf("Millis(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestAgesAreCoarse(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "<10s", 9 * time.Second: "<10s", 19 * time.Second: "10s", 59 * time.Second: "50s", time.Minute: "1m",
		59 * time.Minute: "59m", 26 * time.Hour: "26h", 49 * time.Hour: "2d",
	} {
		if got := component.Age(d); got != want {
			t.Errorf("Age(%v) = %q, want %q", d, got, want)
		}
	}
	if got := component.Ago(4 * time.Second); got != "4s" {
		t.Errorf("Ago(4s) = %q", got)
	}
}

func TestSpreadKeepsTheRightEnd(t *testing.T) {
	st := testStyles(t, themes.Plain)
	left := component.Line{{Paint: st.Text, Text: "a long name of a place"}}
	right := component.Line{{Paint: st.Text, Text: "ok "}}
	if got, want := component.Spread(left, right, 20, "…"), "a long name of … ok"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestItemsLeaveOutWhatHasNoRoom(t *testing.T) {
	st := testStyles(t, themes.Plain)
	groups := []component.Line{{{Paint: st.Text, Text: "one"}}, {{Paint: st.Text, Text: "two"}}, {{Paint: st.Text, Text: "three"}}}
	if got := component.Items(groups, 9, 2).Render(20, ""); got != "one  two" {
		t.Errorf("got %q, want two of three", got)
	}
}

func TestASCIIKeepsTheWidth(t *testing.T) {
	for _, s := range []string{"größe", "日本語", "\x1b[1m● serving\x1b[0m", "🎸rock"} {
		if got := component.ASCII(s); component.Width(got) != component.Width(s) || strings.ContainsFunc(got, func(r rune) bool { return r > 126 }) {
			t.Errorf("ASCII(%q) = %q, %d cells, want %d", s, got, component.Width(got), component.Width(s))
		}
	}
}
