// Package pool lends connections to the backends of a reverse proxy.
//
// A [Pool] knows a set of HTTP/1.1 backends, keeps connections to them alive,
// bounds how many are open, spreads requests by load, and steps around backends
// that cannot be reached. [Pool.Proxy] serves a request of a fasthttp server
// from a backend, [Pool.Do] sends one of the caller's own.
//
// It speaks with fasthttp's request and response types, but keeps connections
// itself: only then are the numbers true, can every bound change while requests
// run, and is it known whether a connection that failed was a kept-alive one
// and how much of the request had left.
package pool

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Ways to choose a backend, the values of [Config.Balance].
const (
	// LeastConnections takes the backend with the fewest connections in use for
	// its weight, and among equals the one whose turn it is.
	LeastConnections = "least_connections"
	// RoundRobin takes turns, as often as the weight says and well mixed.
	RoundRobin = "round_robin"
	// Random draws by weight.
	Random = "random"
)

// Errors of a request that no backend answered. Test with [errors.Is].
var (
	// ErrClosed: the pool was closed.
	ErrClosed = errors.New("pool is closed")
	// ErrExhausted: every connection allowed stayed in use for MaxWait.
	ErrExhausted = errors.New("every connection is in use")
	// ErrNoBackend: no backend could be connected to.
	ErrNoBackend = errors.New("no backend can be reached")
	// ErrTimeout: the backend stayed silent for ReadTimeout.
	ErrTimeout = errors.New("backend did not answer in time")
	// ErrHeaderTooLarge: the header of the response exceeds MaxHeaderBytes.
	ErrHeaderTooLarge = errors.New("response header is larger than max_header_bytes")
)

// DefaultMaxHeaderBytes bounds the header of a response unless
// [Config.MaxHeaderBytes] does.
const DefaultMaxHeaderBytes = 64 << 10

// Config says what a pool should be. All of it can change while requests run,
// see [Pool.Update].
type Config struct {
	// Name appears in errors.
	Name string
	// Balance is LeastConnections, RoundRobin or Random; "" is LeastConnections.
	Balance string
	// MaxConns bounds the connections open to each backend. 0 means no limit.
	MaxConns int
	// MaxWait bounds the wait for a connection when all are in use. 0 means not
	// to wait.
	MaxWait time.Duration
	// IdleTimeout closes a connection unused for so long. 0 keeps it until the
	// backend closes it.
	IdleTimeout time.Duration
	// DialTimeout bounds connecting, name resolution included. 0 leaves it to
	// the operating system.
	DialTimeout time.Duration
	// ReadTimeout bounds each wait for a backend: for the header of its response,
	// for the next piece of a streamed one unless that says to be a stream of
	// events, and for it to take the next piece of a request. 0 means no limit.
	ReadTimeout time.Duration
	// MaxHeaderBytes bounds the header of a response; a larger one is answered
	// with 502. 0 means DefaultMaxHeaderBytes; less than 16 KiB means 16 KiB.
	MaxHeaderBytes int
	// Backends, at least one, with distinct names.
	Backends []BackendConfig
	// OnFailure, if not nil, is told of each failure of a backend, by the goroutine
	// that met it: it must not block. err says more than the kind.
	OnFailure func(backend string, kind Kind, err error)
}

// BackendConfig is one server of a pool.
type BackendConfig struct {
	// Name tells backends apart from one Config to the next.
	Name string
	// URL is http://host or http://host:port. A name is resolved on every
	// connect and all its addresses are tried.
	URL string
	// Weight is the share relative to the other backends; 0 means 1.
	Weight int
	// Counters, if not nil, receive the numbers of this backend. They are taken
	// when the backend is new to the pool and kept as long as it stays.
	Counters *Counters
}

// Pool lends connections to a set of backends. Its methods may be called
// concurrently.
type Pool struct {
	// ctx ends with Close; what the pool does on its own account hangs on it.
	ctx       context.Context
	cancel    context.CancelFunc
	onFailure atomic.Pointer[func(string, Kind, error)] // of the config
	// tasks are sweeps and trials under way; Close waits for them.
	tasks sync.WaitGroup

	// mu guards all below and all fields of the backends but their counters. It
	// is held for memory only, never while connecting, reading or writing.
	mu       sync.Mutex
	config   Config
	backends []*backend
	waiters  list.List // of *waiter, the longest waiting first
	timer    *time.Timer
	ticking  bool
	closed   bool
}

// New returns a pool for the config. It connects to nothing yet.
func New(c Config) (*Pool, error) {
	p := &Pool{}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.timer = time.AfterFunc(time.Hour, p.sweep)
	p.timer.Stop()
	if err := p.Update(c); err != nil {
		p.cancel()
		return nil, err
	}
	return p, nil
}

// Update changes the pool to another config, also for requests that wait at
// present. A backend with the name and URL it had keeps its connections and
// counters; one that is gone finishes its requests and closes its connections.
// A config that is refused changes nothing.
func (p *Pool) Update(c Config) error {
	addrs, err := check(c)
	if err != nil {
		return err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return fmt.Errorf("update pool %s: %w", c.Name, ErrClosed)
	}
	surplus := p.adopt(c, addrs)
	p.serveAll()
	p.mu.Unlock()
	closeAll(surplus)
	return nil
}

// adopt makes c the config and returns the idle connections it leaves no room
// for. p.mu is held.
func (p *Pool) adopt(c Config, addrs []string) (surplus []*conn) {
	c.Backends = append([]BackendConfig(nil), c.Backends...)
	p.config = c
	p.onFailure.Store(&c.OnFailure)
	before := p.backends
	p.backends = make([]*backend, len(c.Backends))
	for i, bc := range c.Backends {
		b := find(before, bc)
		if b == nil {
			b = newBackend(bc, addrs[i])
		}
		b.weight = max(bc.Weight, 1)
		p.backends[i] = b
	}
	for _, b := range before {
		b.removed = !contains(p.backends, b)
	}
	for _, b := range append(before, p.backends...) {
		b.turn = 0
		surplus = append(surplus, b.shrink(p.room(b))...)
	}
	return surplus
}

// room is how many connections may be open to b at once. p.mu is held.
func (p *Pool) room(b *backend) int {
	switch {
	case b.removed || p.closed:
		return 0
	case p.config.MaxConns == 0:
		return int(^uint(0) >> 1)
	}
	return p.config.MaxConns
}

func find(all []*backend, c BackendConfig) *backend {
	for _, b := range all {
		if b.name == c.Name && b.url == c.URL {
			return b
		}
	}
	return nil
}

func contains(all []*backend, b *backend) bool {
	for _, o := range all {
		if o == b {
			return true
		}
	}
	return false
}

// Close refuses further requests and closes idle connections. Requests under
// way finish, then their connections close too; all gauges are zero after that.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return fmt.Errorf("close pool %s: %w", p.config.Name, ErrClosed)
	}
	p.closed = true
	p.timer.Stop()
	var surplus []*conn
	for _, b := range p.backends {
		surplus = append(surplus, b.shrink(0)...)
	}
	p.serveAll()
	p.mu.Unlock()
	p.cancel()
	closeAll(surplus)
	p.tasks.Wait()
	return nil
}

// Stats is a pool at one moment.
type Stats struct {
	Name, Balance string
	// Waiting is how many requests wait for a connection at present.
	Waiting  int
	Backends []BackendStats // in the order of the config
}

// BackendStats is one backend at one moment.
type BackendStats struct {
	Name, URL string
	Weight    int
	Totals
}

// Totals sums the backends.
func (s Stats) Totals() Totals {
	var sum Totals
	for _, b := range s.Backends {
		sum = sum.Add(b.Totals)
	}
	return sum
}

// Stats returns the present numbers of the backends of the present config.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Stats{Name: p.config.Name, Balance: p.config.Balance, Waiting: p.waiters.Len()}
	if s.Balance == "" {
		s.Balance = LeastConnections
	}
	for _, b := range p.backends {
		s.Backends = append(s.Backends, BackendStats{b.name, b.url, b.weight, b.counters.Load()})
	}
	return s
}

// check validates c and returns the address to dial for each backend.
func check(c Config) ([]string, error) {
	switch c.Balance {
	case "", LeastConnections, RoundRobin, Random:
	default:
		return nil, fmt.Errorf("pool %s: balance %q is not one of %s, %s, %s", c.Name, c.Balance, LeastConnections, RoundRobin, Random)
	}
	if min(c.MaxConns, c.MaxHeaderBytes) < 0 || min(c.MaxWait, c.IdleTimeout, c.DialTimeout, c.ReadTimeout) < 0 {
		return nil, fmt.Errorf("pool %s: a limit is negative: want 0 or more", c.Name)
	}
	if len(c.Backends) == 0 {
		return nil, fmt.Errorf("pool %s: needs at least one backend", c.Name)
	}
	addrs := make([]string, len(c.Backends))
	names := make(map[string]bool, len(c.Backends))
	for i, b := range c.Backends {
		addr, err := backendAddr(b.URL)
		switch {
		case err != nil:
			return nil, fmt.Errorf("pool %s: backend %s: %w", c.Name, b.Name, err)
		case b.Weight < 0:
			return nil, fmt.Errorf("pool %s: backend %s: weight %d is negative: want 1 or more", c.Name, b.Name, b.Weight)
		case names[b.Name]:
			return nil, fmt.Errorf("pool %s: backend %s appears twice", c.Name, b.Name)
		}
		names[b.Name], addrs[i] = true, addr
	}
	return addrs, nil
}

// backendAddr returns host:port of a backend's URL.
func backendAddr(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", fmt.Errorf("url %q: write it like http://host:port", raw)
	}
	plain := u.User == nil && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == ""
	if u.Scheme != "http" || u.Hostname() == "" || !plain {
		return "", fmt.Errorf("url %q: write it like http://host:port", raw)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}
