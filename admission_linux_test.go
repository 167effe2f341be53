package main

import (
	"bufio"
	"net"
	"net/http"
	"testing"
	"time"
)

// keepOpen opens connections, one after the other, that stay open, and counts those
// that are served.
func keepOpen(t *testing.T, address string, n int) (served int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		c.Write([]byte("GET /hello HTTP/1.1\r\nHost: t\r\n\r\n"))
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			served++
		}
	}
	return served
}

// TestABoundOfConnectionsOutlivesItsMaster has another master, or another program,
// go on with workers that have connections: they count as before.
func TestABoundOfConnectionsOutlivesItsMaster(t *testing.T) {
	for name, replace := range map[string]func(p *place){
		"killed": func(p *place) {
			p.await("the end of the master", func() bool { _, _, code := p.run("status"); return code == 3 })
			p.serve()
		},
		"upgraded": nil,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			first := p.serve()
			if n := keepOpen(t, p.address, 8); n != 8 {
				t.Fatalf("%d of 8 are served", n)
			}
			if replace != nil {
				if err := first.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				replace(p)
			} else {
				p.must("upgrade")
				p.await("the end of the upgrade", func() bool {
					s := p.status()
					return s.Upgrade.Over()
				})
			}
			p.await("the connections", func() bool { c := p.web().Connections; return c.Active+c.Idle == 8 })
			p.must("set", "listeners.web.limits.max_connections", "10")
			if n := keepOpen(t, p.address, 5); n != 2 {
				t.Errorf("%d of 5 are served, with room for 2", n)
			}
		})
	}
}
