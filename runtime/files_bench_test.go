//go:build unix

package runtime_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
)

// BenchmarkFiles fetches a file over a kept loopback connection of HTTP/1.1,
// client included, beside http.FileServer in the same run.
func BenchmarkFiles(b *testing.B) {
	dir := b.TempDir()
	cfg, err := config.Parse("bench.yaml", fmt.Appendf(nil,
		"version: 1\nlisteners: {web: {address: \"127.0.0.1:0\", routes: [{match: /, files: {root: %q}}]}}\n", dir))
	if err != nil {
		b.Fatal(err)
	}
	app, err := runtime.Open(b.Context(), runtime.Options{Config: cfg})
	if err != nil {
		b.Fatal(err)
	}
	defer app.Shutdown(context.Background())
	s, err := app.Snapshot(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	reference := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer reference.Close()
	sizes := []int{1, 16, 32, 100, 1024}
	for _, kib := range sizes {
		name := fmt.Sprintf("%dKiB", kib)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("x", kib<<10)), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	time.Sleep(3100 * time.Millisecond) // files that were just written are not kept
	for _, kib := range sizes {
		name := fmt.Sprintf("%dKiB", kib)
		for server, addr := range map[string]string{"ours": s.Listeners[0].Address, "nethttp": reference.Listener.Addr().String()} {
			b.Run(name+"/"+server, func(b *testing.B) { fetchFile(b, addr, name, kib<<10) })
		}
	}
}

func fetchFile(b *testing.B, addr, name string, size int) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := []byte("GET /" + name + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r := bufio.NewReaderSize(c, 64<<10)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		c.Write(request)
		for { // the header ends at an empty line
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
		}
		if n, err := io.CopyN(io.Discard, r, int64(size)); err != nil {
			b.Fatal(n, err)
		}
	}
}
