package pool_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// TestFailuresHaveACause: whatever a backend fails of can be read from its
// counters, and is told with the backend and the error.
func TestFailuresHaveACause(t *testing.T) {
	answering := func(answer string, wait time.Duration) func(*testing.T) string {
		return func(t *testing.T) string {
			return script(t, func(n int, c net.Conn, r *bufio.Reader) {
				if _, err := readRaw(r); err == nil {
					_, _ = io.WriteString(c, answer)
					time.Sleep(wait)
				}
			})
		}
	}
	const start = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		kind    pool.Kind
		status  string
		backend func(*testing.T) string
	}{
		{pool.KindRefused, "502", func(t *testing.T) string { return "http://" + refusing(t) }},
		{pool.KindNoAddress, "502", func(*testing.T) string { return "http://no-such-host.invalid" }},
		{pool.KindClosed, "502", answering("", 0)},
		{pool.KindTimeout, "504 ", answering("", 2*time.Second)},
		{pool.KindMalformed, "502", answering("SSH-2.0-x\r\n\r\n", 0)},
		{pool.KindMalformed, "502", answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 0)},
		{pool.KindHeader, "502", answering(start+"X: "+strings.Repeat("x", 100<<10)+"\r\n\r\n", 0)},
		{pool.KindBrokenOff, "502", answering(start+"Content-Length: 10\r\n\r\nhalf", 0)},
		{pool.KindBrokenOff, "broken", answering(start+"Content-Length: 100000\r\n\r\nhalf", 0)},
		{pool.KindMalformed, "broken", answering(start+"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 0)},
		{pool.KindTimeout, "broken", answering(start+"Content-Length: 100000\r\n\r\nhalf", 2*time.Second)},
		{pool.KindStatus, "500 ", answering("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", 0)},
		{pool.KindNone, "404 ", answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0)},
	} {
		t.Run(tc.kind.String(), func(t *testing.T) {
			var mu sync.Mutex
			var told []string
			began := time.Now()
			p := newPool(t, pool.Config{ReadTimeout: 500 * time.Millisecond, DialTimeout: 10 * time.Second,
				Backends: []pool.BackendConfig{{Name: "a", URL: tc.backend(t)}},
				OnFailure: func(backend string, kind pool.Kind, err error) {
					mu.Lock()
					defer mu.Unlock()
					told = append(told, fmt.Sprint(backend, " ", kind, " ", err != nil || kind == pool.KindStatus))
				}})
			if got := answerOf(t, serve(t, p)); !strings.HasPrefix(got, tc.status) {
				t.Errorf("got %s, want %s", got, tc.status)
			}
			eventually(t, func() string {
				last := p.Stats().Backends[0].Last()
				mu.Lock()
				defer mu.Unlock()
				fresh := !last.At.Before(began.Truncate(time.Millisecond)) && time.Since(last.At) < time.Minute
				ok := tc.kind == pool.KindNone && len(told) == 0 || len(told) > 0 && told[0] == fmt.Sprint("a ", tc.kind, " true") && fresh
				if last.Kind != tc.kind || !ok {
					return fmt.Sprintf("got %s at %v and %q, want %s", last.Kind, last.At, told, tc.kind)
				}
				return ""
			})
		})
	}
}
