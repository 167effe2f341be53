package term

import (
	"log"
	"os"
	"sync"

	"github.com/charmbracelet/x/term"
)

// heldLogSize is how much of the log is kept while the cockpit is shown, in
// bytes; of more, the end.
const heldLogSize = 64 << 10

// heldLog keeps what Go's log package would write over the screen. A program
// that shows a cockpit of its own logs there unless it says otherwise: slog's
// first default writes through it.
type heldLog struct {
	mu   sync.Mutex
	kept []byte
}

// HoldLog keeps the log off the screen until release, which writes the end of it
// to where it belongs. A log that goes elsewhere than to a terminal goes on.
func HoldLog() (release func()) {
	to, ok := log.Writer().(*os.File)
	if !ok || !term.IsTerminal(to.Fd()) {
		return func() {}
	}
	h := &heldLog{}
	log.SetOutput(h)
	return func() {
		log.SetOutput(to)
		h.mu.Lock()
		defer h.mu.Unlock()
		to.Write(h.kept)
	}
}

// Write keeps p.
func (h *heldLog) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept = append(h.kept, p...)
	if over := len(h.kept) - heldLogSize; over > heldLogSize { // seldom
		h.kept = append(h.kept[:0], h.kept[over:]...)
	}
	return len(p), nil
}
