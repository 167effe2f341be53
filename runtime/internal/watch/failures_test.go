package watch_test

import (
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// TestFailureIsToldOnceAndItsEndToo breaks the file, waits for the one call
// that says so, and mends it with the same content as before.
func TestFailureIsToldOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, path string)
		is    error
		says  string
	}{
		{"missing", remove, fs.ErrNotExist, "app.yaml: "},
		{"directory removed", func(t *testing.T, path string) {
			check(t, os.RemoveAll(filepath.Dir(path)))
		}, fs.ErrNotExist, "app.yaml: "},
		{"empty", func(t *testing.T, path string) { write(t, path, "") }, watch.ErrEmpty, "the file is empty"},
		{"too large", func(t *testing.T, path string) {
			write(t, path, strings.Repeat("x", 1<<16+1))
		}, watch.ErrTooLarge, "larger than the limit of 65536 bytes"},
		{"a directory", func(t *testing.T, path string) {
			remove(t, path)
			check(t, os.Mkdir(path, 0o755))
		}, watch.ErrNotRegular, "a directory"},
		{"unreadable", func(t *testing.T, path string) {
			if os.Geteuid() == 0 || goruntime.GOOS == "windows" {
				t.Skip("nothing is unreadable here")
			}
			check(t, os.Chmod(path, 0))
		}, fs.ErrPermission, "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "etc")
			check(t, os.Mkdir(dir, 0o755))
			path := filepath.Join(dir, "app.yaml")
			write(t, path, content("start"))
			w := start(t, path, watch.Tuning{Poll: 500 * time.Millisecond, MaxSize: 1 << 16})
			w.expect(t, content("start"))
			tt.spoil(t, path)
			w.expectError(t, tt.is, tt.says)
			time.Sleep(1200 * time.Millisecond) // two polls in which it could be repeated
			check(t, os.RemoveAll(path))
			check(t, os.MkdirAll(dir, 0o755))
			write(t, path, content("start"))
			if c := w.expect(t, content("start")); !c.Recovered {
				t.Error("not marked as recovered")
			}
			w.expectNothing(t)
		})
	}
}

func TestAnotherReasonIsAnotherCall(t *testing.T) {
	t.Parallel()
	w := start(t, file(t, content("start")), watch.Tuning{Patience: 300 * time.Millisecond})
	w.expect(t, content("start"))
	remove(t, w.path)
	w.expectError(t, fs.ErrNotExist, "app.yaml")
	write(t, w.path, "\n")
	w.expectError(t, watch.ErrEmpty, "empty")
	write(t, w.path, content("new"))
	if c := w.expect(t, content("new")); !c.Recovered {
		t.Error("not marked as recovered")
	}
	replace(t, w.path, content("newer"))
	if c := w.expect(t, content("newer")); c.Recovered {
		t.Error("still marked as recovered one content later")
	}
}

func TestMissingAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "not", "yet", "app.yaml")
	w := start(t, path, watch.Tuning{Poll: time.Hour}) // events alone: each directory as it appears
	w.expectError(t, fs.ErrNotExist, "app.yaml")
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	write(t, path, content("start"))
	if c := w.expect(t, content("start")); !c.Recovered {
		t.Error("not marked as recovered")
	}
	w.expectNothing(t)
}

func TestDirectoryRemovedAndRecreatedIsFollowedAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "etc")
	path := filepath.Join(dir, "app.yaml")
	check(t, os.Mkdir(dir, 0o755))
	write(t, path, content("start"))
	w := start(t, path, watch.Tuning{Poll: time.Hour})
	w.expect(t, content("start"))
	for _, name := range []string{"one", "two"} {
		check(t, os.RemoveAll(dir))
		w.expectError(t, fs.ErrNotExist, "app.yaml")
		check(t, os.Mkdir(dir, 0o755))
		write(t, path, content(name))
		w.expect(t, content(name))
	}
	w.expectNothing(t)
}

func TestLinkToItself(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS == "windows" {
		t.Skip("links need a privilege here")
	}
	path := filepath.Join(t.TempDir(), "app.yaml")
	check(t, os.Symlink("app.yaml", path))
	w := start(t, path, watch.Tuning{})
	if c := w.next(t); c.Err == nil || !strings.Contains(c.Err.Error(), "too many") {
		t.Fatalf("got %s, want an error about too many links", describe(c))
	}
	remove(t, path)
	write(t, path, content("start"))
	w.expect(t, content("start"))
}

func remove(t *testing.T, path string) {
	t.Helper()
	check(t, os.Remove(path))
}
