//go:build unix

package runtime_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A client that takes nothing of its responses must not hold the connections of
// a pool: neither by its windows, nor by not reading.
func TestStalledClientsOfHTTP2HoldNoPool(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/small" {
			return
		}
		for piece := make([]byte, 64<<10); ; {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	}))
	t.Cleanup(backend.Close)
	app := open(t, fmt.Sprintf(`
version: 1
listeners:
  web:
    protocol: http2
    h2c: true
    address: 127.0.0.1:0
    timeouts: {write: 1s}
    routes: [{match: /, proxy: {pool: api}}]
pools: {api: {max_conns: 8, max_wait: 10s, backends: {a: {url: '%s'}}}}
`, backend.URL))
	addr := info(t, app, "web").Address
	for name, wide := range map[string]bool{"by its windows": false, "by not reading": true} {
		conn, err := net.Dial("tcp", addr)
		check(t, err)
		io.WriteString(conn, http2.ClientPreface)
		f := http2.NewFramer(conn, conn)
		if f.WriteSettings(); wide {
			f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
			f.WriteWindowUpdate(0, 1<<30)
		}
		var block bytes.Buffer
		enc := hpack.NewEncoder(&block)
		for n := range uint32(20) {
			block.Reset()
			for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":path", "/large"}, {":authority", "test"}} {
				enc.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]})
			}
			check(t, f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*n + 1, EndStream: true, EndHeaders: true, BlockFragment: block.Bytes()}))
		}
		inUse := func() uint64 {
			s, err := app.Snapshot(t.Context())
			check(t, err)
			return s.Pools[0].Stats.Active
		}
		eventually(t, name+": the pool is in use", func() bool { return inUse() == 8 })
		begun := time.Now()
		resp, err := http.Get("http://" + addr + "/small")
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: another client got %v, %v", name, resp, err)
		} else {
			resp.Body.Close()
		}
		t.Logf("%s: another client waited %v", name, time.Since(begun))
		conn.Close()
		eventually(t, name+": the pool is free", func() bool { return inUse() == 0 })
	}
}
