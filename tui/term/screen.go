// Package term owns the terminal of a cockpit: it takes it over and gives it back
// as it was, draws what has changed, and keeps others from writing to it.
package term

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// What the terminal is told when the cockpit comes and goes: another screen, no
// cursor, and pasted text in brackets, so that it is not taken for keys.
const (
	enterScreen = "\x1b[?1049h\x1b[2J\x1b[?25l\x1b[?2004h"
	leaveScreen = "\x1b[?2004l\x1b[?25h\x1b[?1049l"
)

// Synchronized output: a terminal that knows it shows a frame only when it is
// complete; others ignore it.
const (
	beginFrame = "\x1b[?2026h"
	endFrame   = "\x1b[?2026l"
)

// frameInterval is the least time between two frames.
const frameInterval = 16 * time.Millisecond

// Screen draws frames when there are any. The renderer of bubbletea wakes up for
// every possible frame, which on an idle screen was most of what the cockpit
// cost: 0.5 % of a core at ten frames a second, where wake-ups are dear. This one
// sleeps until something has changed, and then draws at once.
type Screen struct {
	out  *os.File
	sync bool
	wake chan struct{}

	mu     sync.Mutex // guards what follows
	next   frame
	window int

	ioMu  sync.Mutex // held while the terminal is written to; guards what follows
	up    bool       // the terminal shows the cockpit, and not what was there before
	shown frame
	buf   bytes.Buffer
}

// frame is what is to be seen, and in a window of which size.
type frame struct {
	view          string
	width, height int
	window        int // how often the window had changed
}

// NewScreen returns the screen of a terminal, which draws between [Screen.Enter] and
// [Screen.Leave] while [Screen.Run] runs. sync says that frames are marked as
// synchronized output. A nil Screen draws nothing.
func NewScreen(out *os.File, sync bool) *Screen {
	return &Screen{out: out, sync: sync, wake: make(chan struct{}, 1)}
}

// Show hands over the newest frame and does not wait for it to be drawn. A slow
// terminal misses frames.
func (s *Screen) Show(view string, width, height int) {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.next = frame{view, width, height, s.window}
	s.mu.Unlock()
	s.signal()
}

func (s *Screen) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Invalidate tells that the window has changed: what it shows now, also if it has the
// size again that it had, only the terminal knows. The next frame is drawn whole.
func (s *Screen) Invalidate() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.window++
	s.next.window = s.window
	s.mu.Unlock()
	s.signal()
}

// Run draws until ctx ends.
func (s *Screen) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			s.draw()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(frameInterval):
		}
	}
}

// draw writes the lines that have changed, all in one write.
func (s *Screen) draw() {
	s.ioMu.Lock()
	defer s.ioMu.Unlock()
	s.mu.Lock()
	f := s.next
	s.mu.Unlock()
	if !s.up || f == s.shown {
		return
	}
	s.buf.Reset()
	if s.sync {
		s.buf.WriteString(beginFrame)
	}
	old := strings.Split(s.shown.view, "\n")
	if f.window != s.shown.window || s.shown.width == 0 {
		s.buf.WriteString(ansi.EraseEntireScreen)
		old = nil
	}
	lines := strings.Split(f.view, "\n")
	for i := range max(len(lines), len(old)) {
		s.line(i, at(lines, i), at(old, i), f)
	}
	if s.sync {
		s.buf.WriteString(endFrame)
	}
	s.shown = f
	s.out.Write(s.buf.Bytes()) // a terminal that has gone ends the cockpit by its input
}

// line draws one line, counted from 0, if it is not what is there.
func (s *Screen) line(i int, line, old string, f frame) {
	if line == old || i >= f.height {
		return
	}
	fmt.Fprintf(&s.buf, "\x1b[%d;1H%s", i+1, line)
	if ansi.StringWidth(line) < f.width {
		s.buf.WriteString(ansi.EraseLineRight)
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// Enter takes the terminal over.
func (s *Screen) Enter() { s.turn(true, enterScreen) }

// Leave gives the terminal back as it was. It may be called twice.
func (s *Screen) Leave() { s.turn(false, leaveScreen) }

func (s *Screen) turn(up bool, sequence string) {
	s.ioMu.Lock()
	changed := s.up != up
	if changed {
		s.up, s.shown = up, frame{}
		s.out.WriteString(sequence)
	}
	s.ioMu.Unlock()
	if changed && up {
		s.draw()
	}
}

// OnMessage is a filter of messages, for [tea.WithFilter]. It gives the terminal to
// the shell while the cockpit is suspended.
func (s *Screen) OnMessage(_ tea.Model, msg tea.Msg) tea.Msg {
	switch msg.(type) {
	case tea.SuspendMsg:
		s.Leave()
	case tea.ResumeMsg:
		s.Enter()
	}
	return msg
}
