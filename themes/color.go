package themes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/muesli/termenv"
)

// Color in up to three qualities. The zero Color is the terminal's own.
type Color struct {
	// RGB is "#rrggbb", or empty.
	RGB string
	// ANSI256 is an index of the 256 colour palette, or -1. Only meaningful if
	// the Color is not zero.
	ANSI256 int
	// ANSI is one of the sixteen colours every terminal has, as "red" or
	// "bright_red", or "default"; or empty.
	ANSI string
}

// colorNames are the sixteen colours every terminal has.
var colorNames = []string{
	"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
	"bright_black", "bright_red", "bright_green", "bright_yellow",
	"bright_blue", "bright_magenta", "bright_cyan", "bright_white",
}

// ParseColor reads up to three words: "#8b93a7 245 bright_black". Each may be
// left out; "default" alone is the terminal's own colour.
func ParseColor(text string) (Color, error) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return Color{}, fmt.Errorf("empty colour; write %q, a number from 0 to 255, a name, or all three", "#rrggbb")
	}
	c := Color{ANSI256: -1}
	for _, w := range words {
		if err := c.add(w); err != nil {
			return Color{}, err
		}
	}
	return c, nil
}

func (c *Color) add(word string) error {
	switch {
	case strings.HasPrefix(word, "#"):
		return c.addRGB(word)
	case word == "default" || slices.Contains(colorNames, word):
		if c.ANSI != "" {
			return fmt.Errorf("two names, %q and %q; one is enough", c.ANSI, word)
		}
		c.ANSI = word
		return nil
	case isDigits(word):
		return c.addIndex(word)
	}
	return fmt.Errorf("%q is not a colour; write %q, a number from 0 to 255, or one of %s",
		word, "#rrggbb", strings.Join(colorNames, ", "))
}

func (c *Color) addRGB(word string) error {
	if c.RGB != "" {
		return fmt.Errorf("two true colours, %q and %q; one is enough", c.RGB, word)
	}
	if _, err := strconv.ParseUint(word[1:], 16, 32); err != nil || len(word) != 7 {
		return fmt.Errorf("%q is not a true colour; write six hexadecimal digits: %q", word, "#8b93a7")
	}
	c.RGB = strings.ToLower(word)
	return nil
}

func (c *Color) addIndex(word string) error {
	n, err := strconv.Atoi(word)
	if err != nil || n > 255 {
		return fmt.Errorf("%q is not in the palette; write a number from 0 to 255", word)
	}
	if c.ANSI256 >= 0 {
		return fmt.Errorf("two palette numbers, %d and %d; one is enough", c.ANSI256, n)
	}
	c.ANSI256 = n
	return nil
}

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

func (c Color) isZero() bool { return c == Color{} }

// codes are the SGR parameters of c at depth d: the best quality the terminal
// can show, else the nearest colour to a better one, else a plainer one.
func (c Color) codes(d Depth, background bool) []string {
	if c.isZero() || c.ANSI == "default" && (d == ANSI16 || c.RGB == "" && c.ANSI256 < 0) {
		return nil
	}
	if d == TrueColor && c.RGB != "" {
		return []string{trueColor(c.RGB, background)}
	}
	return []string{c.at(d).Sequence(background)}
}

func (c Color) at(d Depth) termenv.Color {
	rgb, index, name := c.RGB != "", c.ANSI256 >= 0, c.ANSI != "" && c.ANSI != "default"
	switch {
	case d == ANSI16 && name, !rgb && !index:
		return termenv.ANSIColor(slices.Index(colorNames, c.ANSI))
	case d >= ANSI256 && index:
		return termenv.ANSI256Color(c.ANSI256)
	case rgb:
		return profiles[d].Convert(termenv.RGBColor(c.RGB))
	default:
		return profiles[d].Convert(termenv.ANSI256Color(c.ANSI256))
	}
}

// trueColor is written here because termenv goes by way of floats and misses
// some colours by one.
func trueColor(rgb string, background bool) string {
	n, _ := strconv.ParseUint(rgb[1:], 16, 32) // was checked when parsed
	kind := 38
	if background {
		kind = 48
	}
	return fmt.Sprintf("%d;2;%d;%d;%d", kind, n>>16&255, n>>8&255, n&255)
}

var profiles = map[Depth]termenv.Profile{
	ANSI16: termenv.ANSI, ANSI256: termenv.ANSI256,
}
