//go:build unix

package statedir_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/statedir"
)

func TestADirectoryOfAnotherUserIsRefused(t *testing.T) {
	path := t.TempDir()
	defer statedir.AsUser(os.Geteuid() + 1)()
	d, err := statedir.Open(path)
	if err == nil {
		d.Close()
		t.Fatal("it was trusted")
	}
	if !strings.Contains(err.Error(), "belongs to user") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(path); len(left) > 0 {
		t.Errorf("%v was left there", left)
	}
}

func TestAFileOfAnotherUserIsNotRead(t *testing.T) {
	d := open(t, t.TempDir())
	if err := d.Write("overrides.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	defer statedir.AsUser(os.Geteuid() + 1)()
	if text, err := d.Read("overrides.json"); err == nil || !strings.Contains(err.Error(), "belongs to user") {
		t.Errorf("read %q, %v", text, err)
	}
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestOurOwnDirectoryIsClosedToOthers(t *testing.T) {
	path := t.TempDir()
	if err := os.WriteFile(filepath.Join(path, "trial.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if got := mode(t, path); got != 0o700 {
		t.Errorf("its mode is %#o", got)
	}
}

func TestADirectoryThatIsSharedIsLeftAsItIs(t *testing.T) {
	path := t.TempDir()
	if err := os.Mkdir(filepath.Join(path, "home"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		mode os.FileMode
		good bool
	}{{0o755, true}, {0o775, false}, {0o777, false}} {
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		d, err := statedir.Open(path)
		if (err == nil) != c.good || mode(t, path) != c.mode {
			t.Errorf("%#o: %v, its mode is %#o", c.mode, err, mode(t, path))
		}
		if err == nil {
			d.Close()
		}
	}
}

func TestWhatIsNoFileIsNotWaitedFor(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if err := syscall.Mkfifo(filepath.Join(path, "trial.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := d.Read("trial.json")
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "not a file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it waits for who writes into it")
	}
	if err := d.Write("trial.json", []byte("{}")); err != nil {
		t.Errorf("it cannot be replaced: %v", err)
	}
}
