package listener_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

func TestFilesArriveWhole(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16+1)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, keepAlive, func(x listener.Exchange) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		switch x.Path() {
		case "/file":
			x.SetBodyStream(f, int64(len(content)))
		case "/part":
			x.SetBodyStream(io.LimitReader(f, 1000), 1000)
		case "/reader":
			x.SetBodyStream(struct{ io.Reader }{f}, -1)
		}
	})
	c := e.dial()
	for path, want := range map[string][]byte{"/file": content, "/part": content[:1000], "/reader": content} {
		if _, body := c.get(path); body != string(want) {
			t.Errorf("%s: %d bytes, want the %d of the file", path, len(body), len(want))
		}
	}
	if n := e.Counters().BytesOut.Load(); n < uint64(2*len(content)+1000) {
		t.Errorf("%d bytes counted, want at least %d", n, 2*len(content)+1000)
	}
}

// What the kernel sends from a file are its pages, not a copy of them: a change
// of the file while they are on their way is seen by who receives them.
func TestFilesAreSentWithoutACopy(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("relies on how Linux sends files")
	}
	const size = 64 << 10
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, bytes.Repeat([]byte("a"), size), 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, keepAlive, func(x listener.Exchange) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		x.SetBodyStream(f, size)
	})
	c := e.dial()
	c.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	e.wantState(listener.StateIdle, 1) // everything is on its way, nothing was read
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(bytes.Repeat([]byte("b"), size), 0); err != nil {
		t.Fatal(err)
	}
	if _, body := c.read(); strings.Trim(body, "b") != "" {
		t.Errorf("%d bytes of the file before it changed: it was copied", strings.Count(body, "a"))
	}
}
