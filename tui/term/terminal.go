package term

import (
	"io"
	"os"

	"github.com/charmbracelet/x/term"
)

// Muted is a terminal that bubbletea may ask for its size and mode, but that shows
// nothing of what it writes: [Screen] draws. (WithoutRenderer would leave size and
// mode alone, too.)
type Muted struct{ *os.File }

// Write writes nothing.
func (Muted) Write(p []byte) (int, error) { return len(p), nil }

// WriteString is here because that of the embedded file would write.
func (Muted) WriteString(s string) (int, error) { return len(s), nil }

// ReadFrom is here for the same reason.
func (Muted) ReadFrom(r io.Reader) (int64, error) { return io.Copy(io.Discard, r) }

// Keyboard is the terminal's input. When it ends, because the terminal has gone,
// so does the cockpit; otherwise it would run on without input or output.
type Keyboard struct {
	*os.File
	// Ended is called when a read finds that the terminal has gone.
	Ended func()
}

// Read reads from the terminal.
func (k *Keyboard) Read(p []byte) (int, error) {
	n, err := k.File.Read(p)
	if err != nil || n == 0 {
		k.Ended()
	}
	return n, err
}

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(f.Fd()) }
