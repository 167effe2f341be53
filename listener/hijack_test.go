package listener_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

// net.Conn: "Multiple goroutines may invoke methods on a Conn simultaneously."
func TestHijackedConcurrentWrites(t *testing.T) {
	const lines, width, writers = 500, 9999, 4
	e := start(t, keepAlive, func(x listener.Exchange) {
		ctx, _ := listener.FastHTTP(x)
		ctx.HijackSetNoResponse(true)
		ctx.Hijack(func(c net.Conn) {
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					p := append(bytes.Repeat([]byte{byte('A' + w)}, width), '\n')
					for range lines {
						c.Write(p)
					}
				})
			}
			wg.Wait()
		})
	})
	c := e.dial()
	c.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	all, err := io.ReadAll(c.TCPConn)
	if err != nil {
		t.Error(err)
	}
	bad, per := 0, map[byte]int{}
	for _, l := range bytes.Split(bytes.TrimSuffix(all, []byte("\n")), []byte("\n")) {
		if len(l) != width || bytes.Count(l, l[:1]) != width {
			bad++
		} else {
			per[l[0]]++
		}
	}
	if bad > 0 || len(all) != lines*(width+1)*writers {
		t.Errorf("%d mixed or cut lines; whole lines by writer %v", bad, per)
	}
}
