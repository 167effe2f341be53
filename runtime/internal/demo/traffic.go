package demo

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// visitors are who uses the listeners: together about 40 requests a second on
// about 16 connections, which come and go a little.
var visitors = []struct {
	listener string
	count    int
	visitor  visitor
}{
	{"web", 9, visitor{every: 270 * time.Millisecond, paths: []string{"/hello", "/hello", "/hello", "/api/items", "/hello", "/api/orders/7"}}},
	{"web", 1, visitor{every: 2 * time.Second, paths: []string{"/stats/connections"}}},
	{"web", 2, visitor{every: 20 * time.Second, paths: []string{"/hello"}}}, // mostly idle
	{"web", 1, visitor{every: 3 * time.Second, paths: []string{"/hello"}, leaves: true}},
	{"hello", 2, visitor{every: 400 * time.Millisecond, paths: []string{"/hello"}}},
	{"hello", 1, visitor{every: 3 * time.Second, paths: []string{"/hello", "/stats/connections"}}},
	{"hello", 1, visitor{every: 25 * time.Second, paths: []string{"/hello"}}},
}

// Traffic sends requests to the listeners named web and hello until ctx ends.
// Before every connect it asks addresses, by listener, where they are at
// present; one that is missing or does not answer is asked for again later.
func (d *Demo) Traffic(ctx context.Context, addresses func() map[string]string) {
	var all sync.WaitGroup
	defer all.Wait()
	start := time.Now()
	for _, v := range visitors {
		for range v.count {
			one := v.visitor
			one.start = start
			one.address = func() string { return reachable(addresses()[v.listener]) }
			all.Go(func() { one.run(ctx) })
		}
	}
}

// reachable makes an address to connect to from one to listen on.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// Pauses after a listener could not be used, doubling from one to the other.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// visitor sends one request after the other.
type visitor struct {
	every   time.Duration // from one request to the next, on average
	paths   []string
	leaves  bool // closes its connection after each request
	start   time.Time
	address func() string
}

// run visits until ctx ends.
func (v *visitor) run(ctx context.Context) {
	pause := firstPause
	sleep(ctx, rand.N(v.every)) // not all at once
	for ctx.Err() == nil {
		if v.visit(ctx) > 0 {
			pause = firstPause
		}
		if v.leaves {
			sleep(ctx, v.next())
			continue
		}
		sleep(ctx, pause/2+rand.N(pause))
		pause = min(2*pause, longestPause)
	}
}

// visit opens a connection, uses it until it ends, and returns how many requests
// were answered.
func (v *visitor) visit(ctx context.Context) (answered int) {
	c, err := dial(ctx, v.address())
	if err != nil {
		return 0
	}
	defer c.close()
	for ctx.Err() == nil {
		if !c.get(v.paths[rand.IntN(len(v.paths))]) {
			return answered
		}
		answered++
		if v.leaves || !c.rest(v.next()) {
			return answered
		}
	}
	return answered
}

// beat is when requests are sent, all that are due at once: waking up costs a
// process more than a small request does.
const beat = 125 * time.Millisecond

// next is the time until the next request: random, and shorter and longer in the
// course of a minute, so that there is something to see.
func (v *visitor) next() time.Duration {
	now := time.Since(v.start)
	tide := 1 + 0.6*math.Sin(2*math.Pi*now.Minutes())
	mean := float64(v.every) / tide
	due := now + time.Duration(mean*min(0.2+0.8*rand.ExpFloat64(), 4))
	return due.Round(beat) - now
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
