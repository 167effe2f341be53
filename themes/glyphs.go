package themes

import "strings"

// Glyphs are the signs beside the words. Each is one cell wide.
type Glyphs struct {
	// Ready, Stopped, Starting, Draining, Degraded, Failed and Unknown mark states.
	Ready, Stopped, Starting, Draining, Degraded, Failed, Unknown string
	// Cursor marks the selected row, Ellipsis what was cut off, Up and Down
	// that there is more above or below.
	Cursor, Ellipsis, Up, Down string
	// Dot separates words of a line, Dash stands for what does not apply.
	Dot, Dash string
	// Horizontal and Vertical lines, and corners.
	Horizontal, Vertical, TopLeft, TopRight, BottomLeft, BottomRight string
	// Levels grow from nothing to full.
	Levels []string
}

// Unicode glyphs for terminals that can show them.
func Unicode() Glyphs {
	return Glyphs{
		Ready: "●", Stopped: "○", Starting: "◌", Draining: "◒", Degraded: "◐", Failed: "✗", Unknown: "?",
		Cursor: "▌", Ellipsis: "…", Up: "↑", Down: "↓", Dot: "·", Dash: "–",
		Horizontal: "─", Vertical: "│", TopLeft: "╭", TopRight: "╮", BottomLeft: "╰", BottomRight: "╯",
		Levels: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇"}, // not the full block, which would touch the row above
	}
}

// ASCII glyphs for every terminal.
func ASCII() Glyphs {
	return Glyphs{
		Ready: "*", Stopped: "o", Starting: "~", Draining: "v", Degraded: "!", Failed: "x", Unknown: "?",
		Cursor: ">", Ellipsis: "~", Up: "^", Down: "v", Dot: "|", Dash: "-",
		Horizontal: "-", Vertical: "|", TopLeft: "+", TopRight: "+", BottomLeft: "+", BottomRight: "+",
		Levels: []string{"_", ".", ":", "-", "=", "+", "#"},
	}
}

// GlyphsFor the locale of the environment: Unicode where it says UTF-8, as
// POSIX has it by the first of LC_ALL, LC_CTYPE and LANG that is set.
func GlyphsFor(getenv func(string) string) Glyphs {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			if strings.Contains(v, "utf-8") || strings.Contains(v, "utf8") {
				return Unicode()
			}
			return ASCII()
		}
	}
	return ASCII()
}
