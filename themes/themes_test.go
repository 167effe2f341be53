package themes_test

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/themes"
)

var allDepths = []themes.Depth{themes.Plain, themes.Mono, themes.ANSI16, themes.ANSI256, themes.TrueColor}

func TestEveryEmbeddedThemeLoads(t *testing.T) {
	if want := []string{"dark", "light", "mono"}; !slices.Equal(themes.Names(), want) {
		t.Fatalf("Names() = %v, want %v", themes.Names(), want)
	}
	for _, name := range themes.Names() {
		th, err := themes.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if th.Name != name {
			t.Errorf("theme %s calls itself %q", name, th.Name)
		}
	}
}

func TestUnknownThemeNamesTheKnownOnes(t *testing.T) {
	_, err := themes.Load("drak")
	if err == nil || !strings.Contains(err.Error(), "dark, light, mono") {
		t.Errorf("got %v, want the names there are", err)
	}
}

func TestThemeOfTheUserIsLoadedByPath(t *testing.T) {
	data, err := os.ReadFile("dark.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), "name: dark", "name: mine", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	th, err := themes.Load(path)
	if err != nil || th.Name != "mine" {
		t.Errorf("got %v, %v, want the theme mine", th, err)
	}
}

func TestMistakesAreAllNamedWithTheirPlace(t *testing.T) {
	_, err := themes.Parse("my.yaml", []byte(`name: mine
background: pink
colour: red
styles:
  txt: {}
  bad: {fg: "#12", bold: yes, blink: true}
  bad: {fg: [1]}
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`my.yaml:2:13: "pink" must be one of dark, light, any`,
		`my.yaml:3:1: unknown key "colour"`,
		`my.yaml:5:3: unknown style "txt"`,
		`my.yaml:6:13: "#12" is not a true colour`,
		`my.yaml:6:26: must be true or false`,
		`my.yaml:6:31: unknown key "blink"`,
		`my.yaml:7:3: "bad" appears twice`,
		`no style for text, strong`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}

func TestColourIsTheBestTheTerminalCanShow(t *testing.T) {
	tests := []struct {
		color string
		depth themes.Depth
		want  string
	}{
		{"#9ccf7a 113 green", themes.TrueColor, "\x1b[38;2;156;207;122m"},
		{"#9ccf7a 113 green", themes.ANSI256, "\x1b[38;5;113m"},
		{"#9ccf7a 113 green", themes.ANSI16, "\x1b[32m"},
		{"#9ccf7a 113 green", themes.Mono, ""},
		{"#9ccf7a 113 green", themes.Plain, ""},
		{"#ff0000", themes.ANSI256, "\x1b[38;5;196m"},
		{"196", themes.ANSI16, "\x1b[91m"},
		{"red", themes.TrueColor, "\x1b[31m"},
		{"default", themes.TrueColor, ""},
		{"#8b93a7 default", themes.ANSI16, ""},
	}
	for _, tt := range tests {
		c, err := themes.ParseColor(tt.color)
		if err != nil {
			t.Fatal(err)
		}
		if got := (themes.Style{Fg: c}).SGR(tt.depth); got != tt.want {
			t.Errorf("%s at %v: got %q, want %q", tt.color, tt.depth, got, tt.want)
		}
	}
}

func TestStyleOverAnotherKeepsWhatItDoesNotSay(t *testing.T) {
	red, _ := themes.ParseColor("red")
	blue, _ := themes.ParseColor("blue")
	got := themes.Style{Fg: red}.Over(themes.Style{Fg: blue, Bg: blue, Bold: true}).SGR(themes.ANSI16)
	if want := "\x1b[1;31;44m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDepthAndThemeFollowTheEnvironment(t *testing.T) {
	tests := []struct {
		env   map[string]string
		depth themes.Depth
		name  string
	}{
		{map[string]string{"TERM": "xterm-256color"}, themes.ANSI256, "dark"},
		{map[string]string{"TERM": "xterm-256color", "COLORTERM": "truecolor"}, themes.TrueColor, "dark"},
		{map[string]string{"TERM": "screen", "COLORTERM": "truecolor"}, themes.ANSI256, "dark"},
		{map[string]string{"TERM": "xterm-kitty"}, themes.TrueColor, "dark"},
		{map[string]string{"TERM": "linux"}, themes.ANSI16, "dark"},
		{map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, themes.Mono, "mono"},
		{map[string]string{"TERM": "dumb", "COLORTERM": "truecolor"}, themes.Plain, "mono"},
		{map[string]string{}, themes.Mono, "mono"},
		{map[string]string{"TERM": "xterm", "COLORFGBG": "0;15"}, themes.ANSI16, "light"},
		{map[string]string{"TERM": "xterm", "COLORFGBG": "0;default;15"}, themes.ANSI16, "light"},
		{map[string]string{"TERM": "xterm", "COLORFGBG": "15;0"}, themes.ANSI16, "dark"},
		{map[string]string{"TERM": "xterm", "COLORFGBG": "15;8"}, themes.ANSI16, "dark"},
		{map[string]string{"TERM": "xterm", "COLORFGBG": "nonsense"}, themes.ANSI16, "dark"},
	}
	for _, tt := range tests {
		getenv := func(k string) string { return tt.env[k] }
		if got := themes.DepthOf(getenv); got != tt.depth {
			t.Errorf("DepthOf(%v) = %v, want %v", tt.env, got, tt.depth)
		}
		if got := themes.Auto(getenv); got != tt.name {
			t.Errorf("Auto(%v) = %v, want %v", tt.env, got, tt.name)
		}
	}
}

func TestGlyphsFollowTheLocale(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		unicode     bool
	}{
		{"LANG", "de_DE.UTF-8", true}, {"LC_ALL", "C.utf8", true}, {"LANG", "C", false}, {"", "", false},
	} {
		got := themes.GlyphsFor(func(k string) string {
			if k == tt.name {
				return tt.value
			}
			return ""
		})
		if unicode := got.Ready != themes.ASCII().Ready; unicode != tt.unicode {
			t.Errorf("%s=%s: unicode %v, want %v", tt.name, tt.value, unicode, tt.unicode)
		}
	}
}

// The colours of words must be told from the background by weak eyes too: 4.5
// is what WCAG asks for text.
func TestWordsStandOutFromTheBackground(t *testing.T) {
	words := []themes.Meaning{themes.Muted, themes.Accent, themes.Heading, themes.Key, themes.Good, themes.Warn, themes.Bad}
	for theme, background := range map[string]string{"dark": "#1c2030", "light": "#f7f7f4"} {
		th, err := themes.Load(theme)
		if err != nil {
			t.Fatal(err)
		}
		selected := th.Style(themes.Selection).Bg.RGB
		for _, m := range words {
			for _, bg := range []string{background, selected} {
				if c := contrast(t, th.Style(m).Fg.RGB, bg); c < 4.5 {
					t.Errorf("%s: %s on %s has a contrast of %.1f, want 4.5", theme, m, bg, c)
				}
			}
		}
		for _, m := range []themes.Meaning{themes.Focus, themes.Notice, themes.Alarm} {
			s := th.Style(m)
			if c := contrast(t, s.Fg.RGB, s.Bg.RGB); c < 4.5 {
				t.Errorf("%s: %s has a contrast of %.1f, want 4.5", theme, m, c)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	la, lb := luminance(t, a), luminance(t, b)
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func luminance(t *testing.T, rgb string) (l float64) {
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(rgb[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.03928 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		l += weight * v
	}
	return l
}

var sgr = regexp.MustCompile(`^(\x1b\[[0-9;]+m)?$`)

func FuzzParse(f *testing.F) {
	for _, name := range themes.Names() {
		data, err := os.ReadFile(name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("styles: {text: {fg: '#xyzxyz'}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, data []byte) {
		th, err := themes.Parse("fuzz.yaml", data)
		if err != nil {
			return
		}
		for _, m := range themes.Meanings() {
			for _, d := range allDepths {
				if got := th.Style(m).Over(th.Style(themes.Selection)).SGR(d); !sgr.MatchString(got) {
					t.Errorf("%s at %v is %q, which is no SGR sequence", m, d, got)
				}
			}
		}
	})
}
