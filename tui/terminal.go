package tui

import (
	"io"
	"os"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/term"
	"github.com/muesli/termenv"

	"github.com/echterhof/rockstar-tui/themes"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/quiet"
)

// This runs after the init functions of everything tui imports, so nobody is
// left to be kept quiet.
func init() { quiet.Restore() }

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

// muted is a terminal that bubbletea may ask for its size and mode, but that shows
// nothing of what it writes: screen draws. (WithoutRenderer would leave size and
// mode alone, too.)
type muted struct{ *os.File }

// Write writes nothing.
func (muted) Write(p []byte) (int, error) { return len(p), nil }

// WriteString is here because that of the embedded file would write.
func (muted) WriteString(s string) (int, error) { return len(s), nil }

// ReadFrom is here for the same reason.
func (muted) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// keyboard is the terminal's input. When it ends, because the terminal has
// gone, so does the cockpit; otherwise it would live on, deaf and unseen.
type keyboard struct {
	*os.File
	ended func()
}

// Read reads from the terminal.
func (k *keyboard) Read(p []byte) (int, error) {
	n, err := k.File.Read(p)
	if err != nil || n == 0 {
		k.ended()
	}
	return n, err
}

func isTerminal(f *os.File) bool { return term.IsTerminal(f.Fd()) }
