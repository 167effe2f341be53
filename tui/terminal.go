package tui

import (
	"bytes"
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

// Synchronized output: a terminal that knows it shows a frame only when it is
// complete; others ignore it.
const (
	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
)

// framed is a terminal that gets each frame in one write, between the marks of
// synchronized output.
type framed struct {
	*os.File
	off bool
	buf bytes.Buffer // only the renderer writes, one frame at a time
}

// minFrame is the size from which on a write is taken for a frame: single
// switches of modes need no bracket.
const minFrame = 64

// Write writes one frame.
func (f *framed) Write(p []byte) (int, error) {
	if f.off || len(p) < minFrame {
		return f.File.Write(p)
	}
	f.buf.Reset()
	f.buf.WriteString(beginFrame)
	f.buf.Write(p)
	f.buf.WriteString(endFrame)
	if _, err := f.File.Write(f.buf.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteString is here because that of the embedded file would go past Write.
func (f *framed) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

// ReadFrom is here for the same reason.
func (f *framed) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

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
