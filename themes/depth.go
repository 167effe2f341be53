package themes

import (
	"strconv"
	"strings"
)

// Depth is how much a terminal can show.
type Depth int

// Depths, the plainest first.
const (
	Plain     Depth = iota // characters only
	Mono                   // bold, underline, reverse, but no colour
	ANSI16                 // the sixteen named colours
	ANSI256                // the palette of 256
	TrueColor              // 24 bits
)

// DepthOf tells from the environment what the terminal can show. getenv is
// os.Getenv, or that of the terminal one draws for.
func DepthOf(getenv func(string) string) Depth {
	term := getenv("TERM")
	switch {
	case term == "dumb":
		return Plain
	case getenv("NO_COLOR") != "":
		return Mono
	}
	switch strings.ToLower(getenv("COLORTERM")) {
	case "truecolor", "24bit":
		// GNU screen passes COLORTERM through but understands 256 colours only.
		if strings.HasPrefix(term, "screen") && getenv("TERM_PROGRAM") != "tmux" {
			return ANSI256
		}
		return TrueColor
	}
	return depthOfTerm(term)
}

func depthOfTerm(term string) Depth {
	if strings.Contains(term, "256color") {
		return ANSI256
	}
	for _, able := range []string{"alacritty", "contour", "foot", "ghostty", "kitty", "rio", "wezterm", "direct"} {
		if strings.Contains(term, able) {
			return TrueColor
		}
	}
	for _, able := range []string{"xterm", "linux", "color", "ansi", "screen", "tmux", "rxvt", "vt220", "cygwin"} {
		if strings.Contains(term, able) {
			return ANSI16
		}
	}
	return Mono
}

// Auto names the theme that fits the environment: "mono" where there is no
// colour, else "light" if COLORFGBG says that the background is light, else
// "dark". It never asks the terminal: an answer may take seconds, or not come.
func Auto(getenv func(string) string) string {
	if DepthOf(getenv) <= Mono {
		return "mono"
	}
	fields := strings.Split(getenv("COLORFGBG"), ";")
	bg, err := strconv.Atoi(fields[len(fields)-1])
	if err == nil && (bg == 7 || bg > 8 && bg < 16) {
		return "light"
	}
	return "dark"
}
