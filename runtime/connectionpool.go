package runtime

import (
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

// Errors of a [ConnectionPool], to be told apart by errors.Is.
var (
	// ErrUnknownBackend: the pool has no backend of that name.
	ErrUnknownBackend = errors.New("unknown backend")
	// ErrPoolExhausted: all connections stayed in use for as long as one waits.
	ErrPoolExhausted = errors.New("all connections are in use")
	// ErrNotLent: what is released, or used, is not lent: it was released
	// before, to another backend perhaps, or never came from this pool.
	ErrNotLent = errors.New("the connection is not lent")
	// ErrPoolClosed: the pool was closed.
	ErrPoolClosed = errors.New("the connection pool is closed")
)

// ConnectionPool lends HTTP clients, each of which has one connection to its
// backend for itself. The connection is opened by the first request and stays
// open for whoever gets it next.
type ConnectionPool interface {
	// GetConnection lends a client. Where all are in use it waits, but no
	// longer than it is configured to. The client takes a whole URL of its
	// backend, or just a path.
	GetConnection(backendID string) (*http.Client, error)
	// GetConnectionContext is GetConnection that waits no longer than ctx lasts.
	// The client it lends is not bound to ctx.
	GetConnectionContext(ctx context.Context, backendID string) (*http.Client, error)
	// ReleaseConnection gives a client back, which is of no use afterwards.
	// Close the bodies of its responses before.
	ReleaseConnection(backendID string, client *http.Client) error
	// Close closes what is idle at once, and what is lent when it is released.
	Close() error
	// Stats are the counts of all backends together.
	Stats() ConnectionPoolStats
}

// ConnectionPoolStats are the counts of a [ConnectionPool].
type ConnectionPoolStats struct {
	// TotalConnections are open. Of these, ActiveConnections belong to clients
	// that are lent, IdleConnections to those that are not.
	TotalConnections  int
	ActiveConnections int
	IdleConnections   int
	// WaitCount is how often all were in use and somebody had to wait, and
	// WaitDuration how long all of them waited together.
	WaitCount    int64
	WaitDuration time.Duration
}

// ConnectionPoolConfig says what a pool lends connections to. Zero values mean
// the defaults.
type ConnectionPoolConfig struct {
	// Backends are base URLs by name, such as "http://127.0.0.1:9001".
	Backends map[string]string
	// MaxConnections per backend. Default 64.
	MaxConnections int
	// WaitTimeout bounds the wait for a connection. Default 5s; negative means
	// that nobody waits.
	WaitTimeout time.Duration
	// DialTimeout bounds connecting. Default 3s.
	DialTimeout time.Duration
	// RequestTimeout bounds a whole exchange, reading the body included.
	// Default 30s; negative means none.
	RequestTimeout time.Duration
	// IdleTimeout closes a connection that nobody used for so long. Default 60s.
	IdleTimeout time.Duration
}

// NewConnectionPool makes a pool; it connects when a client is first used.
func NewConnectionPool(c ConnectionPoolConfig) (ConnectionPool, error) {
	c.MaxConnections = max(defaultTo(c.MaxConnections, 64), 1)
	c.WaitTimeout = max(defaultTo(c.WaitTimeout, 5*time.Second), 0)
	c.DialTimeout = defaultTo(c.DialTimeout, 3*time.Second)
	c.RequestTimeout = max(defaultTo(c.RequestTimeout, 30*time.Second), 0)
	c.IdleTimeout = defaultTo(c.IdleTimeout, 60*time.Second)
	p := &connectionPool{config: c, backends: map[string]*lentBackend{}, closed: make(chan struct{})}
	for name, base := range c.Backends {
		u, err := url.Parse(base)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("connection pool: backend %s: %q is no base URL: write it like http://127.0.0.1:9001", name, base)
		}
		if u.Path == "" {
			u.Path = "/"
		}
		p.backends[name] = newLentBackend(name, u, c)
	}
	return p, nil
}

type connectionPool struct {
	config   ConnectionPoolConfig
	backends map[string]*lentBackend
	waits    atomic.Int64
	waited   atomic.Int64 // nanoseconds

	closeOnce sync.Once
	closed    chan struct{}
}

// lentBackend keeps the connections of one backend. A place in the channel is
// the right to one more lent connection.
type lentBackend struct {
	name   string
	base   *url.URL
	config ConnectionPoolConfig
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

// hangUp closes what is open, wherever the transport keeps it.
func (l *line) hangUp() {
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
	backend *lentBackend
	over    atomic.Bool
}

func newLentBackend(name string, base *url.URL, c ConnectionPoolConfig) *lentBackend {
	return &lentBackend{
		name: name, base: base, config: c,
		places: make(chan struct{}, c.MaxConnections),
		lent:   map[*http.Client]*lease{},
	}
}

func (p *connectionPool) GetConnection(backendID string) (*http.Client, error) {
	return p.GetConnectionContext(context.Background(), backendID)
}

func (p *connectionPool) GetConnectionContext(ctx context.Context, backendID string) (*http.Client, error) {
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
func (p *connectionPool) await(ctx context.Context, b *lentBackend) error {
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

func (p *connectionPool) isClosed() bool {
	select {
	case <-p.closed:
		return true
	default:
		return false
	}
}

func (p *connectionPool) ReleaseConnection(backendID string, client *http.Client) error {
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

func (p *connectionPool) Close() error {
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

func (p *connectionPool) Stats() ConnectionPoolStats {
	s := ConnectionPoolStats{WaitCount: p.waits.Load(), WaitDuration: time.Duration(p.waited.Load())}
	for _, b := range p.backends {
		active, idle := b.count()
		s.ActiveConnections += active
		s.IdleConnections += idle
	}
	s.TotalConnections = s.ActiveConnections + s.IdleConnections
	return s
}

// lend hands out a line, for which the caller holds a place.
func (b *lentBackend) lend() *http.Client {
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
func (b *lentBackend) takeBack(client *http.Client) *lease {
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
func (b *lentBackend) discard() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.idle {
		l.hangUp()
	}
}

func (b *lentBackend) count() (active, idle int) {
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

func newLine(c ConnectionPoolConfig) *line {
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
