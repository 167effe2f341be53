package listener_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// TestWhoLeavesBetweenRequestsIsNoFailure: a client that closes its connection
// while no request is under way, in whatever way, has neither asked nor failed.
func TestWhoLeavesBetweenRequestsIsNoFailure(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, requests := range []int{0, 1, 3} {
			for _, reset := range []bool{false, true} {
				t.Run(fmt.Sprintf("tls %v, %d requests, reset %v", secure, requests, reset), func(t *testing.T) {
					e := start(t, keepAlive, hello)
					if secure {
						e.SetTransport(listener.Transport{TLS: serverTLS(t)})
					}
					c := e.dial()
					walkAway(t, c, secure, requests, reset)
					for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
						now := e.Counters().Load()
						if now.Active+now.Idle == 0 && now.Accepted == 1 {
							break
						}
						if time.Now().After(deadline) {
							t.Fatalf("it is still counted as open: %+v", now)
						}
					}
					if now := e.Counters().Load(); now.Failures != (listener.Failures{}) || now.Requests != uint64(requests) {
						t.Errorf("%d requests and %+v are counted, want %d and no failure", now.Requests, now.Failures, requests)
					}
				})
			}
		}
	}
}

// walkAway sends so many requests, reads their responses, and closes the connection
// under the feet of TLS, if that is spoken.
func walkAway(t *testing.T, c *client, secure bool, requests int, reset bool) {
	t.Helper()
	var nc net.Conn = c.TCPConn
	if secure {
		over := tls.Client(c.TCPConn, &tls.Config{InsecureSkipVerify: true})
		if err := over.Handshake(); err != nil {
			t.Fatal(err)
		}
		nc = over
	}
	r := bufio.NewReader(nc)
	for range requests {
		fmt.Fprint(nc, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
	}
	if reset {
		c.SetLinger(0)
	}
	c.TCPConn.Close()
}
