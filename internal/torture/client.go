//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
)

// patience of a client with one connect or one request. It is far longer than
// anything here may take, retransmissions of lost handshakes included.
const patience = 100 * time.Second

// client is one of a kind. It works until its context ends, and then finishes
// what it has begun.
type client struct {
	*site
	kind   string
	target *target
	pace   *rate.Limiter
	rng    *rand.Rand
	source net.IP // of its connections, for more ports than one address has
	serial int    // makes each of its requests different
}

// kinds of clients, and how many there are of each.
var kinds = []struct {
	name   string
	target string
	count  int
	run    func(*client, context.Context)
}{
	{"short", web, 8, (*client).short},
	{"keep-alive", web, 32, (*client).keepAlive},
	{"tls", secure, 8, (*client).keepAliveTLS},
	{"h2", secure, 4, (*client).http2},
	{"h3", edge, 6, (*client).http3},
	{"websocket", web, 6, (*client).webSocket},
}

// startClients sets all kinds of clients on the site.
func startClients(ctx context.Context, s *site) *sync.WaitGroup {
	pace := rate.NewLimiter(rate.Inf, 1)
	if s.rate > 0 {
		pace = rate.NewLimiter(rate.Limit(s.rate), max(1, s.rate/20))
	}
	wg, number := new(sync.WaitGroup), 0
	for _, k := range kinds {
		if !chosen(k.name, s.clients) || k.name == "websocket" && !s.tunnels {
			continue
		}
		s.ledger.note(k.name, func(*kindCount) {})
		count := k.count
		if s.loss > 0 {
			count *= 4 // a connection takes seconds to begin
		}
		for range count {
			number++
			c := &client{site: s, kind: k.name, target: s.targets[k.target], pace: pace,
				rng: rand.New(rand.NewPCG(uint64(number), 2)), source: net.IPv4(127, 1, byte(number/250), byte(1+number%250))}
			wg.Go(func() {
				for ctx.Err() == nil {
					k.run(c, ctx)
				}
			})
		}
	}
	return wg
}

// request is what one asks for, and what has to come back.
type request struct {
	method, path string
	body, want   string
	// low is the oldest version of the routes that the answer may be of.
	low   int64
	began time.Time
}

// next request: mostly a fixed answer, sometimes the version of the routes, and
// sometimes an echo through a pool, which shows a mixed-up order.
func (c *client) next() request {
	c.serial++
	r := request{method: http.MethodGet, path: "/hello", want: greeting, low: c.versions.low.Load(), began: time.Now()}
	switch n := c.rng.IntN(20); {
	case c.plain:
	case n < 2:
		r.path, r.want = "/version", ""
	case n < 5:
		return c.echo(r)
	}
	return r
}

func (c *client) echo(r request) request {
	r.method, r.path = http.MethodPost, "/echo"
	r.body = fmt.Sprintf("%s %v %d %0*d", c.kind, c.source, c.serial, 1+c.rng.IntN(1500), 0)
	r.want = r.body
	return r
}

// check finds what is wrong with an answer, "" if nothing. An answer of older
// routes is told by stale.
func (c *client) check(r request, status int, body string) (wrong string, stale bool) {
	if status != http.StatusOK {
		return fmt.Sprintf("status %d", status), false
	}
	if r.path != "/version" {
		if body != r.want {
			return "wrong body", false
		}
		return "", false
	}
	var n int64
	if _, err := fmt.Sscanf(body, "version %d\n", &n); err != nil || n > c.versions.high.Load() {
		return "wrong version", false
	}
	return "", n < r.low
}

// conclude counts an answer.
func (c *client) conclude(r request, status int, body, local string) {
	wrong, stale := c.check(r, status, body)
	if wrong != "" {
		c.ledger.failed(c.kind, wrong, local)
		return
	}
	if stale {
		c.ledger.stale(c.kind, body, local)
	}
	c.ledger.answered(c.kind, r.began)
}

// dial connects to the listener wherever it is now. nil means that it failed,
// which has been counted.
func (c *client) dial(ctx context.Context) net.Conn {
	address, moves := c.target.at()
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: c.source}, KeepAlive: -1}
	conn, err := d.DialContext(context.WithoutCancel(ctx), "tcp", address)
	if err == nil {
		c.ledger.note(c.kind, func(k *kindCount) { k.Connections++ })
		conn.SetDeadline(time.Now().Add(patience))
		return conn
	}
	if errors.Is(err, syscall.ECONNREFUSED) && c.target.movedSince(moves) {
		c.ledger.note(c.kind, func(k *kindCount) { k.Moved++ })
	} else {
		c.ledger.failed(c.kind, "connect: "+rawclient.Cause(err), "")
	}
	c.rest(ctx, 10*time.Millisecond) // a refused connect costs nothing: do not spin
	return nil
}

// handshake speaks TLS on a connection, nil if that failed.
func (c *client) handshake(conn net.Conn, protocol string) *tls.Conn {
	t := tls.Client(conn, trusting(protocol))
	oldest := c.certs.low.Load()
	err := t.Handshake()
	if err == nil {
		state := t.ConnectionState()
		switch serial := state.PeerCertificates[0].SerialNumber.Int64(); {
		case state.NegotiatedProtocol != protocol:
			err = fmt.Errorf("negotiated %q", state.NegotiatedProtocol)
		case serial < oldest:
			err = errors.New("a certificate that had been replaced")
		}
	}
	if err != nil {
		c.ledger.failed(c.kind, "handshake: "+rawclient.Cause(err), conn.LocalAddr().String())
		return nil
	}
	return t
}

// rest waits, at most until the context ends.
func (c *client) rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// think pauses as people do: mostly not at all, now and then for long.
func (c *client) think(ctx context.Context) {
	if d := thinking[c.rng.IntN(len(thinking))]; d > 0 {
		c.rest(ctx, time.Duration(c.rng.Int64N(int64(d))))
	}
	c.pace.Wait(ctx)
}

var thinking = slices.Concat(make([]time.Duration, 6), []time.Duration{4 * time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond})

// endedWhileIdle tells whether the server has closed a connection on which
// nothing is awaited.
func endedWhileIdle(conn net.Conn) bool {
	raw, err := conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return true
	}
	ended := false
	if err := raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		// Over TLS the end begins with readable bytes, a close_notify.
		ended = !errors.Is(err, syscall.EAGAIN)
		return true
	}); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	return ended
}
