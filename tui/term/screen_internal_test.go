package term

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// tube is a terminal as far as a [Screen] uses it: it shows what was written.
type tube struct {
	t             *testing.T
	file          *os.File
	read          int64
	width, height int
	cells         [][]rune
	row, column   int
	alternative   bool
	frames        int // begun and not ended
	written       int // bytes of the last look
}

func newTube(t *testing.T, width, height int) *tube {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "terminal"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	u := &tube{t: t, file: f}
	u.resize(width, height)
	return u
}

// resize leaves something on the terminal that nobody knows.
func (u *tube) resize(width, height int) {
	u.width, u.height = width, height
	u.cells = make([][]rune, height)
	for i := range u.cells {
		u.cells[i] = []rune(strings.Repeat("?", width))
	}
}

// look plays what was written since the last look.
func (u *tube) look() {
	u.t.Helper()
	data := make([]byte, 64<<10)
	n, _ := u.file.ReadAt(data, u.read)
	u.read, u.written = u.read+int64(n), n
	for text := string(data[:n]); text != ""; {
		if after, ok := strings.CutPrefix(text, "\x1b["); ok {
			end := strings.IndexFunc(after, func(r rune) bool { return r >= '@' && r <= '~' })
			u.control(after[:end], after[end])
			text = after[end+1:]
			continue
		}
		r := rune(text[0])
		text = text[1:]
		if u.row >= u.height || u.column >= u.width {
			u.t.Fatalf("%q is written to row %d, column %d of %d by %d", r, u.row, u.column, u.height, u.width)
		}
		u.cells[u.row][u.column] = r
		u.column++
	}
	if u.frames != 0 {
		u.t.Fatal("a frame was begun and not ended")
	}
}

func (u *tube) control(args string, command byte) {
	clear := func(cells []rune) {
		for i := range cells {
			cells[i] = ' '
		}
	}
	switch {
	case command == 'H':
		row, column, _ := strings.Cut(args, ";")
		u.row, _ = strconv.Atoi(row)
		u.column, _ = strconv.Atoi(column)
		u.row, u.column = u.row-1, u.column-1
	case command == 'J' && args == "2":
		for _, row := range u.cells {
			clear(row)
		}
	case command == 'K':
		clear(u.cells[u.row][min(u.column, u.width-1):]) // behind a full line the cursor stays on its end
	case args == "?1049":
		u.alternative = command == 'h'
	case args == "?2026" && command == 'h':
		u.frames++
	case args == "?2026":
		u.frames--
	case args != "?25" && args != "?2004":
		u.t.Fatalf("unexpected control sequence %q %c", args, command)
	}
}

// want checks what is to be seen.
func (u *tube) want(view string) {
	u.t.Helper()
	lines := strings.Split(view, "\n")
	for i, row := range u.cells {
		if got, want := strings.TrimRight(string(row), " "), strings.TrimRight(at(lines, i), " "); got != want {
			u.t.Fatalf("row %d shows %q, want %q", i, got, want)
		}
	}
}

// TestTheTerminalShowsTheFrame, after whatever was shown before and whatever has
// happened to the window.
func TestTheTerminalShowsTheFrame(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(seed, 2))
		u := newTube(t, 20, 6)
		s := NewScreen(u.file, seed%2 == 0)
		s.Enter()
		for range 60 {
			if rng.IntN(5) == 0 {
				u.resize(1+rng.IntN(30), 1+rng.IntN(8))
				s.Invalidate()
			}
			var lines []string
			for range rng.IntN(u.height + 3) { // what does not fit is not drawn
				lines = append(lines, strings.Repeat(string(rune('a'+rng.IntN(3))), rng.IntN(u.width+1)))
			}
			view := strings.Join(lines, "\n")
			s.Show(view, u.width, u.height)
			s.draw()
			u.look()
			u.want(view)
			s.Show(view, u.width, u.height)
			s.draw()
			if u.look(); u.written != 0 {
				t.Fatalf("%d bytes for a frame that is shown already", u.written)
			}
		}
	}
}

func TestOnlyChangedLinesAreWritten(t *testing.T) {
	u := newTube(t, 80, 24)
	s := NewScreen(u.file, true)
	s.Enter()
	lines := strings.Split(strings.Repeat(strings.Repeat("x", 80)+"\n", 24), "\n")[:24]
	s.Show(strings.Join(lines, "\n"), 80, 24)
	s.draw()
	u.look()
	lines[7] = "y"
	s.Show(strings.Join(lines, "\n"), 80, 24)
	s.draw()
	u.look()
	u.want(strings.Join(lines, "\n"))
	if u.written > 40 {
		t.Errorf("%d bytes for one short line", u.written)
	}
}

// TestTheShellHasTheTerminalMeanwhile: nothing is drawn while the cockpit is suspended,
// and all of it when it comes back.
func TestTheShellHasTheTerminalMeanwhile(t *testing.T) {
	u := newTube(t, 10, 2)
	s := NewScreen(u.file, false)
	s.Show("early", 10, 2)
	s.draw()
	if u.look(); u.written != 0 {
		t.Error("drawn before the terminal was taken over")
	}
	s.Enter()
	u.look()
	u.want("early")
	s.OnMessage(nil, tea.SuspendMsg{})
	if u.look(); u.alternative || u.written != len(leaveScreen) {
		t.Errorf("%d bytes at the suspension, want the terminal given back", u.written)
	}
	s.Leave()
	s.Show("meanwhile", 10, 2)
	s.draw()
	if u.look(); u.written != 0 {
		t.Errorf("%d bytes while suspended", u.written)
	}
	u.resize(10, 2)
	if msg := s.OnMessage(nil, tea.ResumeMsg{}); msg != (tea.ResumeMsg{}) {
		t.Errorf("the message became %v", msg)
	}
	u.look()
	u.want("meanwhile")
	if !u.alternative {
		t.Error("the terminal was not taken over again")
	}
}

func TestAScreenThatRunsDraws(t *testing.T) {
	u := newTube(t, 10, 2)
	s := NewScreen(u.file, true)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	s.Enter()
	s.Show("one", 10, 2)
	s.Show("two", 10, 2)
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		s.ioMu.Lock()
		drawn := s.shown.view == "two"
		s.ioMu.Unlock()
		if drawn {
			break
		}
	}
	cancel()
	<-ended
	u.look()
	u.want("two")
	var none *Screen
	none.Show("x", 1, 1) // and draws nothing
	none.Invalidate()
}

func TestTheEndOfTheLogIsHeld(t *testing.T) {
	var h heldLog
	line := strings.Repeat("x", 999) + "\n"
	for i := range 500 {
		text := strconv.Itoa(i) + line
		if n, err := h.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("wrote %d, %v", n, err)
		}
		if !strings.HasSuffix(string(h.kept), text) || len(h.kept) > 2*heldLogSize+len(text) {
			t.Fatalf("after line %d %d bytes are held", i, len(h.kept))
		}
	}
	if len(h.kept) < heldLogSize {
		t.Errorf("%d bytes are held, want at least %d", len(h.kept), heldLogSize)
	}
	HoldLog()() // this log goes to no terminal
}
