package watch_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// TestMain lets the tests run side by side: nearly all they do is wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "64"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

const deadline = 20 * time.Second

// A watched is a running File and all it said.
type watched struct {
	path     string
	calls    chan watch.Content
	warnings chan string
	stop     func() // ends it and waits
}

func start(t *testing.T, path string, tuning watch.Tuning) *watched {
	t.Helper()
	return startWith(t, path, watch.Options{}, tuning)
}

func startWith(t *testing.T, path string, opts watch.Options, tuning watch.Tuning) *watched {
	t.Helper()
	w := &watched{path: path, calls: make(chan watch.Content, 1000), warnings: make(chan string, 100)}
	opts.Warn = func(message string) { w.warnings <- message }
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- watch.Tuned(ctx, path, opts, tuning, func(c watch.Content) { w.calls <- c }) }()
	w.stop = func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("File returned %v, want nil", err)
			}
			ended <- nil
		case <-time.After(deadline):
			t.Error("File did not end with its context")
		}
	}
	t.Cleanup(w.stop)
	return w
}

func (w *watched) next(t *testing.T) watch.Content {
	t.Helper()
	select {
	case c := <-w.calls:
		return c
	case <-time.After(deadline):
		t.Fatal("no call in time")
		panic("unreachable")
	}
}

// expect wants the next call to deliver want.
func (w *watched) expect(t *testing.T, want string) watch.Content {
	t.Helper()
	c := w.next(t)
	if c.Err != nil || string(c.Data) != want {
		t.Fatalf("got %s, want %s", describe(c), brief(want))
	}
	if c.Hash != sha256.Sum256([]byte(want)) {
		t.Fatal("the hash is not that of the data")
	}
	return c
}

func (w *watched) expectError(t *testing.T, is error, says string) {
	t.Helper()
	c := w.next(t)
	if !errors.Is(c.Err, is) || !strings.Contains(c.Err.Error(), says) || strings.Contains(c.Err.Error(), "\n") {
		t.Fatalf("got %s, want one line with %q that wraps %v", describe(c), says, is)
	}
	if c.Data != nil {
		t.Fatalf("got an error and %d bytes", len(c.Data))
	}
}

// expectNothing proves that nothing else was called: the next call is that of
// another save, made now.
func (w *watched) expectNothing(t *testing.T) {
	t.Helper()
	sentinel := content("sentinel")
	replace(t, w.path, sentinel)
	w.expect(t, sentinel)
}

// content makes a file of some size; the name tells it from others.
func content(name string) string {
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "# %s\nl%d: {address: \":%d\"}\n", name, i, 8000+i)
	}
	return b.String()
}

func describe(c watch.Content) string {
	if c.Err != nil {
		return fmt.Sprintf("error %q", c.Err)
	}
	return brief(string(c.Data))
}

func brief(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return fmt.Sprintf("%d bytes %q", len(s), first)
}

func file(t *testing.T, data string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.yaml")
	write(t, path, data)
	return path
}

func write(t *testing.T, path, data string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(data), 0o644))
}

// replace puts a new file in the place of what path points to.
func replace(t *testing.T, path, data string) {
	t.Helper()
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
	write(t, path+".new", data)
	check(t, os.Rename(path+".new", path))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFirstContentIsDelivered(t *testing.T) {
	t.Parallel()
	w := start(t, file(t, content("start")), watch.Tuning{})
	if c := w.expect(t, content("start")); c.Recovered {
		t.Error("the first content of all counts as recovered")
	}
	w.expectNothing(t)
}

func TestKnownContentIsNot(t *testing.T) {
	t.Parallel()
	w := startWith(t, file(t, content("start")), watch.Options{Known: sha256.Sum256([]byte(content("start")))}, watch.Tuning{})
	time.Sleep(300 * time.Millisecond) // longer than Quiet: it has had the time to be wrong
	w.expectNothing(t)
}

func TestRelativePath(t *testing.T) {
	path := file(t, content("start"))
	t.Chdir(filepath.Dir(path))
	w := start(t, "app.yaml", watch.Tuning{})
	w.expect(t, content("start"))
	w.expectNothing(t)
}

func TestCallsComeOneAtATime(t *testing.T) {
	t.Parallel()
	path := file(t, content("a"))
	ctx, cancel := context.WithCancel(context.Background())
	entered, leave, ended := make(chan string), make(chan bool), make(chan error, 1)
	go func() {
		ended <- watch.File(ctx, path, watch.Options{}, func(c watch.Content) {
			entered <- string(c.Data)
			<-leave
		})
	}()
	<-entered
	replace(t, path, content("b"))
	select {
	case <-entered:
		t.Fatal("a second call began before the first had returned")
	case <-time.After(400 * time.Millisecond):
	}
	replace(t, path, content("c"))
	leave <- true
	if got := <-entered; got != content("c") {
		t.Errorf("after a long call got %s, want the newest", brief(got))
	}
	leave <- true
	cancel()
	check(t, <-ended)
}

// Not parallel: it looks at every goroutine of the process.
func TestEverythingEndsWithTheContext(t *testing.T) {
	path := file(t, content("start"))
	w := start(t, path, watch.Tuning{})
	w.expect(t, content("start"))
	if n := ours(); n == 0 {
		t.Fatal("the goroutines of the watcher are not to be seen")
	}
	w.stop()
	if n := ours(); n != 0 {
		t.Errorf("%d goroutines are left", n)
	}
	replace(t, path, content("later"))
	if len(w.calls) != 0 {
		t.Error("called after the end")
	}
}

func ours() int {
	buf := make([]byte, 1<<20)
	buf = buf[:goruntime.Stack(buf, true)]
	n := 0
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		if strings.Contains(g, "watch.(*") || strings.Contains(g, "fsnotify.") {
			n++
		}
	}
	return n
}

func TestRead(t *testing.T) {
	t.Parallel()
	path := file(t, content("start"))
	data, hash, err := watch.Read(path)
	if err != nil || string(data) != content("start") || hash != sha256.Sum256(data) {
		t.Errorf("got %s, %v", brief(string(data)), err)
	}
}

func TestReadSaysWhyNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := func(name, data string) string {
		write(t, filepath.Join(dir, name), data)
		return filepath.Join(dir, name)
	}
	for _, tt := range []struct {
		path string
		is   error
		says string
	}{
		{filepath.Join(dir, "none"), fs.ErrNotExist, "none: "},
		{path("empty", ""), watch.ErrEmpty, "the file is empty"},
		{path("blank", "\n \n"), watch.ErrEmpty, "the file is empty"},
		{path("large", strings.Repeat("x", watch.MaxSize+1)), watch.ErrTooLarge, "larger than the limit of 8388608 bytes"},
		{dir, watch.ErrNotRegular, "not a regular file but a directory"},
	} {
		_, _, err := watch.Read(tt.path)
		if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("Read(%s) = %v, want %q", filepath.Base(tt.path), err, tt.says)
		}
	}
}

func TestReadGivesAnIdleWriterAChanceOnly(t *testing.T) {
	t.Parallel()
	path := file(t, content("start"))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	defer f.Close()
	data, _, err := watch.Read(path)
	if err != nil || string(data) != content("start") {
		t.Errorf("got %s, %v; want the content although it is open for writing", brief(string(data)), err)
	}
}

// Half of a save that its writer has closed looks finished, for a while.
func TestReadQuietWaitsForWhatFollows(t *testing.T) {
	t.Parallel()
	path := file(t, content("start")[:10])
	go func() {
		time.Sleep(200 * time.Millisecond)
		os.WriteFile(path, []byte(content("whole")), 0o600)
	}()
	data, hash, err := watch.ReadQuiet(path)
	if err != nil || string(data) != content("whole") || hash != sha256.Sum256(data) {
		t.Errorf("got %s, %v; want what was written a moment later", brief(string(data)), err)
	}
}

// What was read by somebody else counts as known: a file that was found broken in
// between is delivered again, also if it is as it was before.
func TestWhatWasSeenOtherwiseCounts(t *testing.T) {
	t.Parallel()
	path := file(t, content("start"))
	var mu sync.Mutex
	known := sha256.Sum256([]byte(content("start")))
	seen := known
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := make(chan string, 10)
	ended := make(chan error, 1)
	go func() {
		ended <- watch.Tuned(ctx, path, watch.Options{Known: known, Seen: func() [32]byte {
			mu.Lock()
			defer mu.Unlock()
			return seen
		}}, watch.Tuning{Poll: 20 * time.Millisecond}, func(c watch.Content) { got <- string(c.Data) })
	}()
	mu.Lock()
	seen = sha256.Sum256([]byte("half of it"))
	mu.Unlock()
	write(t, path, content("start"))
	select {
	case data := <-got:
		if data != content("start") {
			t.Errorf("got %s", brief(data))
		}
	case <-ctx.Done():
		t.Error("a file that was found different in between is not delivered")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
