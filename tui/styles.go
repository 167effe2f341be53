package tui

import (
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/termquery"
)

// This runs after the init functions of everything tui imports, so nobody is
// left who would ask.
func init() { termquery.Restore() }

// stylesFor decides from the environment and the theme asked for how things
// look. It tells the libraries too, so that they never ask the terminal.
func stylesFor(theme string, getenv func(string) string) (*component.Styles, error) {
	if theme == "" {
		theme = themes.Auto(getenv)
	}
	t, err := themes.Load(theme)
	if err != nil {
		return nil, err
	}
	lipgloss.SetHasDarkBackground(t.Background != "light")
	lipgloss.SetColorProfile(termenv.Ascii)
	return component.NewStyles(t, themes.DepthOf(getenv), themes.GlyphsFor(getenv)), nil
}
