// Package themes maps meanings to colours: a screen asks for "bad" or "muted", a
// theme says how that looks on a terminal of a given [Depth].
//
// [Load] reads a theme by name or from a file, [Auto] chooses one that suits the
// terminal, [GlyphsFor] the symbols that it can show. A theme file has a name, a
// background and a style for every [Meaning]:
//
//	name: mine
//	background: dark
//	styles:
//	  bad: {fg: "#ff5f5f 203 red", bold: true}
//
// A colour may name up to three forms: true colour, palette number and one of the
// sixteen names; a terminal gets the best that it can show. Errors name line and
// column. The package draws nothing and knows no screen.
package themes

import "strings"

// Meaning is what a piece of the screen wants to say.
type Meaning string

// The meanings a theme gives a style to.
const (
	Text      Meaning = "text"      // what one reads
	Strong    Meaning = "strong"    // what one reads first
	Muted     Meaning = "muted"     // labels, units, what is secondary
	Border    Meaning = "border"    // lines and frames
	Accent    Meaning = "accent"    // the name of the place one is at
	Heading   Meaning = "heading"   // titles of columns
	Key       Meaning = "key"       // keys one can press
	Chart     Meaning = "chart"     // bars and curves
	Good      Meaning = "good"      // all is well
	Warn      Meaning = "warn"      // on its way, or less than wanted
	Bad       Meaning = "bad"       // broken
	Selection Meaning = "selection" // the row of the cursor
	Focus     Meaning = "focus"     // the button or field that has the keyboard
	Notice    Meaning = "notice"    // a line that should be read
	Alarm     Meaning = "alarm"     // a line that must be read
)

// Meanings returns all of them, in the order a theme file lists them.
func Meanings() []Meaning {
	return []Meaning{
		Text, Strong, Muted, Border, Accent, Heading, Key, Chart,
		Good, Warn, Bad, Selection, Focus, Notice, Alarm,
	}
}

// Theme is one look.
type Theme struct {
	// Name by which it is asked for.
	Name string
	// Background it is made for: "dark", "light" or "any".
	Background string

	styles map[Meaning]Style
}

// Style is how one meaning looks.
type Style struct {
	// Fg and Bg are the colours of the text and behind it.
	Fg, Bg Color

	Bold, Faint, Underline, Reverse bool
}

// Style of a meaning. A meaning without one looks like plain text.
func (t *Theme) Style(m Meaning) Style { return t.styles[m] }

// Over returns s as it looks on top of base: its own colours and attributes
// where it has any, those of base elsewhere.
func (s Style) Over(base Style) Style {
	if s.Fg.isZero() {
		s.Fg = base.Fg
	}
	if s.Bg.isZero() {
		s.Bg = base.Bg
	}
	s.Bold = s.Bold || base.Bold
	s.Faint = s.Faint || base.Faint
	s.Underline = s.Underline || base.Underline
	s.Reverse = s.Reverse || base.Reverse
	return s
}

// SGR returns the escape sequence that switches s on, on a terminal of depth d.
// It is empty when nothing needs switching; otherwise "\x1b[0m" switches it off.
func (s Style) SGR(d Depth) string {
	if d == Plain {
		return ""
	}
	codes := s.attributes()
	if d > Mono {
		codes = append(codes, s.Fg.codes(d, false)...)
		codes = append(codes, s.Bg.codes(d, true)...)
	}
	if len(codes) == 0 {
		return ""
	}
	return "\x1b[" + strings.Join(codes, ";") + "m"
}

func (s Style) attributes() []string {
	var codes []string
	for _, a := range []struct {
		on   bool
		code string
	}{{s.Bold, "1"}, {s.Faint, "2"}, {s.Underline, "4"}, {s.Reverse, "7"}} {
		if a.on {
			codes = append(codes, a.code)
		}
	}
	return codes
}
