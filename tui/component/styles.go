// Package component has the pieces screens are made of. They draw what they
// are given, into lines of text of a given width, and know nothing of what it
// means to a runtime.
//
// Texts given to a component are cleaned of everything a terminal would obey
// and cut to the cells there are, so that no name from outside can harm.
package component

import (
	"strings"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/themes"
)

const reset = "\x1b[0m"

// Paint is a style, ready to be written.
type Paint struct {
	on   string // switches it on
	over string // switches it on, on top of the selected row
}

// Render returns s, cleaned, in this style.
func (p Paint) Render(s string) string {
	s = printable.Text(s)
	if p.on == "" || s == "" {
		return s
	}
	return p.on + s + reset
}

// Styles are the paints of a theme on one terminal, and its signs.
type Styles struct {
	Text, Strong, Muted, Border, Accent, Heading, Key, Chart Paint
	Good, Warn, Bad, Selection, Focus, Notice, Alarm         Paint

	// Glyphs of the terminal's locale.
	Glyphs themes.Glyphs
	// Plain is true on terminals that show neither colours nor attributes:
	// what has the focus must then be marked by characters.
	Plain bool

	faded *Styles
}

// NewStyles prepares a theme for a terminal.
func NewStyles(t *themes.Theme, depth themes.Depth, glyphs themes.Glyphs) *Styles {
	s := paints(glyphs, func(m themes.Meaning) themes.Style { return t.Style(m) }, depth)
	s.faded = paints(glyphs, func(m themes.Meaning) themes.Style {
		if m == themes.Border {
			return t.Style(themes.Border)
		}
		return t.Style(themes.Muted)
	}, depth)
	s.faded.faded = s.faded
	return s
}

func paints(glyphs themes.Glyphs, style func(themes.Meaning) themes.Style, depth themes.Depth) *Styles {
	selected := style(themes.Selection)
	paint := func(m themes.Meaning) Paint {
		return Paint{on: style(m).SGR(depth), over: style(m).Over(selected).SGR(depth)}
	}
	return &Styles{
		Text: paint(themes.Text), Strong: paint(themes.Strong), Muted: paint(themes.Muted),
		Border: paint(themes.Border), Accent: paint(themes.Accent), Heading: paint(themes.Heading),
		Key: paint(themes.Key), Chart: paint(themes.Chart), Good: paint(themes.Good),
		Warn: paint(themes.Warn), Bad: paint(themes.Bad), Selection: paint(themes.Selection),
		Focus: paint(themes.Focus), Notice: paint(themes.Notice), Alarm: paint(themes.Alarm),
		Glyphs: glyphs, Plain: depth == themes.Plain,
	}
}

// Faded returns the same styles without their colours: for what is out of date
// or behind a dialog.
func (s *Styles) Faded() *Styles { return s.faded }

// pen writes painted text and switches styles only where they differ.
type pen struct {
	strings.Builder
	current string
}

// put writes text, which must be clean already.
func (p *pen) put(on, text string) {
	if text == "" {
		return
	}
	if on != p.current {
		if p.current != "" {
			p.WriteString(reset)
		}
		p.WriteString(on)
		p.current = on
	}
	p.WriteString(text)
}

func (p *pen) space(on string, n int) {
	for n > len(blanks) {
		p.put(on, blanks)
		n -= len(blanks)
	}
	if n > 0 {
		p.put(on, blanks[:n])
	}
}

// line returns what was written. Blanks at its end are dropped where they
// show nothing, which makes changed lines cheaper to send.
func (p *pen) line() string {
	if p.current != "" {
		p.WriteString(reset)
		return p.String()
	}
	return strings.TrimRight(p.String(), " ")
}

const blanks = "                                                                                "
