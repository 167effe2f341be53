package watch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// leases tells whether this machine answers questions with leases, as it does
// on local file systems for files of one's own.
func leases(t *testing.T) {
	t.Helper()
	f, err := os.Open(file(t, "x"))
	check(t, err)
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		t.Skipf("no leases here: %v", err)
	}
}

// A writer may pause for longer than any quiet time: as long as it has the
// file open, half of it is not read.
func TestHalfAFileIsNotReadWhileItsWriterPauses(t *testing.T) {
	t.Parallel()
	leases(t)
	w := start(t, file(t, content("start")), watch.Tuning{})
	w.expect(t, content("start"))
	f, err := os.Create(w.path)
	check(t, err)
	_, err = f.WriteString(content("half"))
	check(t, err)
	time.Sleep(2500 * time.Millisecond) // longer than Quiet, Max, Patience and Poll
	_, err = f.WriteString(content("whole"))
	check(t, err)
	check(t, f.Close())
	w.expect(t, content("half")+content("whole"))
	w.expectNothing(t)
}

func TestFileLeftOpenIsTakenWhenStalled(t *testing.T) {
	t.Parallel()
	leases(t)
	w := start(t, file(t, content("start")), watch.Tuning{Stall: 500 * time.Millisecond})
	w.expect(t, content("start"))
	f, err := os.Create(w.path)
	check(t, err)
	defer f.Close()
	_, err = f.WriteString(content("left open"))
	check(t, err)
	w.expect(t, content("left open"))
	w.expectWarning(t, "open for writing for 500ms without a change")
	w.expectNothing(t)
}

func TestFileThatDoesNotRestIsWarnedAbout(t *testing.T) {
	t.Parallel()
	leases(t)
	w := start(t, file(t, content("start")), watch.Tuning{Stall: 500 * time.Millisecond})
	w.expect(t, content("start"))
	f, err := os.Create(w.path)
	check(t, err)
	defer f.Close()
	for began := time.Now(); len(w.warnings) == 0 && time.Since(began) < deadline; {
		_, err = f.WriteString("more\n")
		check(t, err)
		time.Sleep(20 * time.Millisecond) // a log, not a config file
	}
	w.expectWarning(t, "changing for 500ms")
	if len(w.calls) != 0 {
		t.Errorf("read meanwhile: %s", describe(w.next(t)))
	}
}

// expectWarning waits for a warning, whatever others come before it.
func (w *watched) expectWarning(t *testing.T, says string) {
	t.Helper()
	late := time.After(deadline)
	for {
		select {
		case got := <-w.warnings:
			if strings.Contains(got, says) {
				return
			}
			t.Logf("also warned: %s", got)
		case <-late:
			t.Fatalf("no warning, want %q", says)
		}
	}
}

func TestPipeIsRefusedAndDoesNotBlock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	check(t, unix.Mkfifo(path, 0o600))
	_, _, err := watch.Read(path)
	if err == nil || !strings.Contains(err.Error(), "not a regular file but a pipe") {
		t.Errorf("got %v", err)
	}
}
