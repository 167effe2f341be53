package httpclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Errors of a [Pool], to be told apart by errors.Is.
var (
	// ErrUnknownBackend means that the pool has no backend of that name.
	ErrUnknownBackend = errors.New("unknown backend")
	// ErrPoolExhausted means that all connections stayed in use for WaitTimeout.
	ErrPoolExhausted = errors.New("all connections are in use")
	// ErrNotLent means that what is released, or used, is not lent: it was released
	// before, to another backend perhaps, or never came from this pool.
	ErrNotLent = errors.New("the connection is not lent")
	// ErrPoolClosed means that the pool was closed.
	ErrPoolClosed = errors.New("the connection pool is closed")
)

// PoolConfig says what a [Pool] lends connections to. Zero values mean the
// defaults.
type PoolConfig struct {
	// Backends are base URLs by name.
	Backends map[string]string
	// MaxConnections per backend. Default 64.
	MaxConnections int
	// WaitTimeout bounds the wait for a connection. Default 5s; negative means none.
	WaitTimeout time.Duration
	// DialTimeout bounds connecting. Default 3s.
	DialTimeout time.Duration
	// RequestTimeout bounds a whole exchange. Default 30s; negative means no limit.
	RequestTimeout time.Duration
	// IdleTimeout closes an unused connection. Default 60s.
	IdleTimeout time.Duration
}

// PoolStats are the counts of a [Pool].
type PoolStats struct {
	// TotalConnections are open: ActiveConnections belong to clients that are lent,
	// IdleConnections to those that are not.
	TotalConnections  int
	ActiveConnections int
	IdleConnections   int
	// WaitCount is how often somebody had to wait for a connection, WaitDuration how
	// long all of them waited together.
	WaitCount    int64
	WaitDuration time.Duration
}

// Pool lends HTTP clients, each of which has one connection to its backend for
// itself. Any number of goroutines may use it.
type Pool struct {
	config   PoolConfig
	backends map[string]*backend
	waits    atomic.Int64
	waited   atomic.Int64 // nanoseconds

	closeOnce sync.Once
	closed    chan struct{}
}

// NewPool makes a Pool; it connects when a client is first used.
func NewPool(c PoolConfig) (*Pool, error) {
	c.MaxConnections = max(cmp.Or(c.MaxConnections, 64), 1)
	c.WaitTimeout = max(cmp.Or(c.WaitTimeout, 5*time.Second), 0)
	c.DialTimeout = cmp.Or(c.DialTimeout, 3*time.Second)
	c.RequestTimeout = max(cmp.Or(c.RequestTimeout, 30*time.Second), 0)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 60*time.Second)
	p := &Pool{config: c, backends: map[string]*backend{}, closed: make(chan struct{})}
	for name, base := range c.Backends {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("connection pool: backend %s: %q is no base URL: write it like http://127.0.0.1:9001", name, base)
		}
		if u.Path == "" {
			u.Path = "/"
		}
		p.backends[name] = newBackend(name, u, c)
	}
	return p, nil
}

// backend keeps the connections of one backend. A place in the channel is
// the right to one more lent connection.
type backend struct {
	name   string
	base   *url.URL
	config PoolConfig
	places chan struct{}

	mu   sync.Mutex
	idle []*line // most recently used last
	lent map[*http.Client]*lease
}

// line is a transport that has one connection at most.
type line struct {
	transport *http.Transport

	mu   sync.Mutex
	open map[*lineConn]struct{}
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// close closes the connection, wherever the transport keeps it.
func (l *line) close() {
	l.transport.CloseIdleConnections()
	l.mu.Lock()
	open := slices.Collect(maps.Keys(l.open))
	l.mu.Unlock()
	for _, c := range open {
		c.Close()
	}
}

// lease is a line in somebody's hands.
type lease struct {
	*line
	backend *backend
	over    atomic.Bool
}

func newBackend(name string, base *url.URL, c PoolConfig) *backend {
	return &backend{
		name: name, base: base, config: c,
		places: make(chan struct{}, c.MaxConnections),
		lent:   map[*http.Client]*lease{},
	}
}

// GetConnection is GetConnectionContext without a context.
func (p *Pool) GetConnection(backendID string) (*http.Client, error) {
	return p.GetConnectionContext(context.Background(), backendID)
}

// GetConnectionContext lends a client of a backend. Where all are in use it waits
// for WaitTimeout or until ctx ends, to which the client is not bound.
func (p *Pool) GetConnectionContext(ctx context.Context, backendID string) (*http.Client, error) {
	b := p.backends[backendID]
	switch {
	case p.isClosed():
		return nil, fmt.Errorf("get connection: %w", ErrPoolClosed)
	case b == nil:
		return nil, fmt.Errorf("get connection: %w %q", ErrUnknownBackend, backendID)
	}
	if err := p.await(ctx, b); err != nil {
		return nil, fmt.Errorf("get connection to %s: %w", backendID, err)
	}
	client := b.lend()
	if p.isClosed() { // meanwhile: Close has not seen this one
		p.ReleaseConnection(backendID, client)
		return nil, fmt.Errorf("get connection to %s: %w", backendID, ErrPoolClosed)
	}
	return client, nil
}

// await takes a place of b.
func (p *Pool) await(ctx context.Context, b *backend) error {
	select {
	case b.places <- struct{}{}:
		return nil
	default:
	}
	p.waits.Add(1)
	began := time.Now()
	defer func() { p.waited.Add(int64(time.Since(began))) }()
	over := time.NewTimer(p.config.WaitTimeout)
	defer over.Stop()
	select {
	case b.places <- struct{}{}:
		return nil
	case <-p.closed:
		return ErrPoolClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-over.C:
		return fmt.Errorf("%w: %d, for %v", ErrPoolExhausted, cap(b.places), p.config.WaitTimeout)
	}
}

func (p *Pool) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

// ReleaseConnection gives a client back, which is of no use afterwards.
func (p *Pool) ReleaseConnection(backendID string, client *http.Client) error {
	b := p.backends[backendID]
	if b == nil {
		return fmt.Errorf("release connection: %w %q", ErrUnknownBackend, backendID)
	}
	l := b.takeBack(client)
	if l == nil {
		return fmt.Errorf("release connection to %s: %w", backendID, ErrNotLent)
	}
	if p.isClosed() {
		b.discard()
		return fmt.Errorf("release connection to %s: %w", backendID, ErrPoolClosed)
	}
	return nil
}

// Close closes what is idle at once, and what is lent when it is released. A second
// call returns [ErrPoolClosed].
func (p *Pool) Close() error {
	err := ErrPoolClosed
	p.closeOnce.Do(func() {
		err = nil
		close(p.closed)
		for _, b := range p.backends {
			b.discard()
		}
	})
	return err
}

// Stats are the counts of all backends together.
func (p *Pool) Stats() PoolStats {
	s := PoolStats{WaitCount: p.waits.Load(), WaitDuration: time.Duration(p.waited.Load())}
	for _, b := range p.backends {
		active, idle := b.count()
		s.ActiveConnections += active
		s.IdleConnections += idle
	}
	s.TotalConnections = s.ActiveConnections + s.IdleConnections
	return s
}

// lend hands out a line, for which the caller holds a place.
func (b *backend) lend() *http.Client {
	b.mu.Lock()
	defer b.mu.Unlock()
	var l *lease
	if n := len(b.idle); n > 0 {
		l = &lease{line: b.idle[n-1], backend: b}
		b.idle = b.idle[:n-1]
	} else {
		l = &lease{line: newLine(b.config), backend: b}
	}
	client := &http.Client{Transport: l, Timeout: b.config.RequestTimeout}
	b.lent[client] = l
	return client
}

// takeBack ends a lease; nil means there is none.
func (b *backend) takeBack(client *http.Client) *lease {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.lent[client]
	if l == nil {
		return nil
	}
	l.over.Store(true)
	delete(b.lent, client)
	b.idle = append(b.idle, l.line)
	<-b.places
	return l
}

// discard closes all idle lines.
func (b *backend) discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.idle {
		l.close()
	}
}

func (b *backend) count() (active, idle int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lent {
		active += l.count()
	}
	for _, l := range b.idle {
		idle += l.count()
	}
	return active, idle
}

func newLine(c PoolConfig) *line {
	l := &line{open: map[*lineConn]struct{}{}}
	dialer := &net.Dialer{Timeout: c.DialTimeout}
	l.transport = &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return l.opened(conn), nil
		},
		TLSHandshakeTimeout: c.DialTimeout,
		MaxConnsPerHost:     1,
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     c.IdleTimeout,
	}
	return l
}

// lineConn is counted until it is closed.
type lineConn struct {
	net.Conn
	line *line
}

func (l *line) opened(conn net.Conn) *lineConn {
	c := &lineConn{conn, l}
	l.mu.Lock()
	l.open[c] = struct{}{}
	l.mu.Unlock()
	return c
}

func (c *lineConn) Close() error {
	c.line.mu.Lock()
	delete(c.line.open, c)
	c.line.mu.Unlock()
	return c.Conn.Close()
}

// RoundTrip sends a request to the lease's backend, and to nobody else.
func (l *lease) RoundTrip(req *http.Request) (*http.Response, error) {
	base := l.backend.base
	switch {
	case l.over.Load():
		closeBody(req)
		return nil, fmt.Errorf("use connection to %s: %w", l.backend.name, ErrNotLent)
	case req.URL.Host == "":
		query := req.URL.RawQuery
		req = req.Clone(req.Context())
		req.URL = base.JoinPath(req.URL.EscapedPath())
		req.URL.RawQuery = query
	case req.URL.Host != base.Host || req.URL.Scheme != base.Scheme:
		closeBody(req)
		return nil, fmt.Errorf("use connection to %s: it leads to %s, not to %s", l.backend.name, base.Host, req.URL.Host)
	}
	return l.transport.RoundTrip(req)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
