//go:build unix

package socket_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	ln, err := socket.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode()
}

func TestSocketIsForOneUserWhateverTheUmask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "dir", "c.sock")
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	ln := listen(t, path)
	if got, want := mode(t, path), fs.ModeSocket|0o600; got != want {
		t.Errorf("socket has mode %v, want %v", got, want)
	}
	if got := mode(t, filepath.Dir(path)).Perm(); got != 0o700 {
		t.Errorf("directory has mode %v, want 0700", got)
	}
	if got := mode(t, path+".lock").Perm(); got != 0o600 {
		t.Errorf("lock has mode %v, want 0600", got)
	}
	if got := ln.Addr().String(); got != path {
		t.Errorf("address is %s, want %s", got, path)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 {
		t.Errorf("directory has %v, %v; want socket and lock only", entries, err)
	}
}

func TestOnlyOneCanListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	ln := listen(t, path)
	_, err := socket.Listen(path)
	if !errors.Is(err, socket.ErrAlreadyRunning) || !strings.Contains(err.Error(), path) {
		t.Errorf("a second Listen ended with %v, want %v and the path", err, socket.ErrAlreadyRunning)
	}
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close the socket is still there: %v", err)
	}
	listen(t, path)
}

func TestSomebodyWithoutTheLockIsNotedToo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	listen(t, path)
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(path); !errors.Is(err, socket.ErrAlreadyRunning) {
		t.Errorf("Listen with the lock file removed ended with %v, want %v", err, socket.ErrAlreadyRunning)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	for _, name := range []string{path, path[:len(path)-1] + "~"} { // the second is left by a crash within Listen
		stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		stale.SetUnlinkOnClose(false)
		stale.Close()
	}
	ln := listen(t, path)
	go func() {
		if c, err := ln.Accept(); err == nil {
			c.Close()
		}
	}()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the new socket does not answer: %v", err)
	}
	c.Close()
}

func TestWhatIsNoSocketStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(path); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("Listen on a file ended with %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file now has %q", text)
	}
}

func TestCloseLeavesWhatIsNotItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	ln := listen(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("Close removed another's file: %v", err)
	}
}

func TestPathCanBeAsLongAsTheKernelAllows(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "c")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	longest := filepath.Join(dir, strings.Repeat("x", socket.MaxPath-len(dir)-1))
	listen(t, longest)
	_, err = socket.Listen(longest + "x")
	if err == nil || !strings.Contains(err.Error(), "bytes long") {
		t.Errorf("Listen on a path of %d bytes ended with %v, want words about its length", len(longest)+1, err)
	}
	if _, err := socket.Dial(t.Context(), longest+"x"); err == nil || !strings.Contains(err.Error(), "bytes long") {
		t.Errorf("Dial on it ended with %v, want words about its length", err)
	}
	if _, err := socket.Listen(""); err == nil {
		t.Error("Listen on no path at all worked")
	}
}

func TestDirectoryThatOthersMayChangeIsRefused(t *testing.T) {
	for _, c := range []struct {
		mode fs.FileMode
		good bool
	}{{0o777, false}, {0o775, false}, {0o757, false}, {0o755, true}, {0o777 | fs.ModeSticky, true}} {
		dir := filepath.Join(t.TempDir(), "shared")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, c.mode)); err != nil {
			t.Fatal(err)
		}
		ln, err := socket.Listen(filepath.Join(dir, "c.sock"))
		if (err == nil) != c.good {
			t.Errorf("%v: got %v", c.mode, err)
		}
		if err == nil {
			ln.Close()
		} else if left, _ := os.ReadDir(dir); len(left) > 0 {
			t.Errorf("%v: %v was left there", c.mode, left)
		}
	}
}

func TestDirectoryMadeForSocketsIsClosedToOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rockstar-tui")
	if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o770)); err != nil {
		t.Fatal(err)
	}
	listen(t, filepath.Join(dir, "c.sock"))
	if got := mode(t, dir).Perm(); got != 0o700 {
		t.Errorf("its mode is %v", got)
	}
}

func TestDirectoryOfAnotherUserIsRefused(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 { // root's are trusted
		if err := os.Chown(dir, 1, -1); err != nil {
			t.Fatal(err)
		}
	} else {
		defer socket.AsUser(os.Geteuid() + 1)()
	}
	ln, err := socket.Listen(filepath.Join(dir, "c.sock"))
	if err == nil {
		ln.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "belongs to user") {
		t.Errorf("got %v", err)
	}
}

// TestWhoAnswersMustBeTrusted: a path proves nothing.
func TestWhoAnswersMustBeTrusted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	told := make(chan int, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		n, _ := c.Read(make([]byte, 1000))
		told <- n
	}()
	defer socket.AnsweredBy(12345, 4711)() // the peer, and this process
	_, err = socket.Dial(t.Context(), path)
	var untrusted *socket.UntrustedError
	if !errors.As(err, &untrusted) || !strings.Contains(err.Error(), "user 12345") {
		t.Errorf("got %v", err)
	}
	if n := <-told; n > 0 {
		t.Errorf("a stranger was told %d bytes", n)
	}
}

func TestLockIsNotFollowedElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	target := filepath.Join(t.TempDir(), "target")
	if err := os.Symlink(target, path+".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := socket.Listen(path); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("Listen with a link for a lock ended with %v", err)
	}
	if _, err := os.Lstat(target); err == nil {
		t.Error("the link was followed")
	}
}

func TestDefaultPath(t *testing.T) {
	home := map[string]string{"HOME": "/home/alice"}
	session := map[string]string{"HOME": "/home/alice", "XDG_RUNTIME_DIR": "/run/user/1000"}
	for _, c := range []struct {
		name, goos string
		uid        int
		env        map[string]string
		want       string
	}{
		{"root", "linux", 0, session, "/run/rockstar-tui/control.sock"},
		{"root on a mac", "darwin", 0, home, "/var/run/rockstar-tui/control.sock"},
		{"session", "linux", 1000, session, "/run/user/1000/rockstar-tui/control.sock"},
		{"no session", "linux", 1000, home, "/home/alice/.local/state/rockstar-tui/control.sock"},
		{"relative session", "linux", 1000, map[string]string{"HOME": "/h", "XDG_RUNTIME_DIR": "."}, "/h/.local/state/rockstar-tui/control.sock"},
		{"nothing known", "linux", 1000, nil, ""},
	} {
		got := socket.DefaultPathFor(c.goos, c.uid, func(k string) string { return c.env[k] })
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
