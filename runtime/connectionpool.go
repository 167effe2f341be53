package runtime

import (
	"context"
	"net/http"
	"time"

	"github.com/echterhof/rockstar-tui/pool/httpclient"
)

// Errors of a [ConnectionPool], to be told apart by errors.Is.
var (
	// ErrUnknownBackend: the pool has no backend of that name.
	ErrUnknownBackend = httpclient.ErrUnknownBackend
	// ErrPoolExhausted: all connections stayed in use for as long as one waits.
	ErrPoolExhausted = httpclient.ErrPoolExhausted
	// ErrNotLent: what is released, or used, is not lent: it was released
	// before, to another backend perhaps, or never came from this pool.
	ErrNotLent = httpclient.ErrNotLent
	// ErrPoolClosed: the pool was closed.
	ErrPoolClosed = httpclient.ErrPoolClosed
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
	p, err := httpclient.NewPool(httpclient.PoolConfig(c))
	if err != nil {
		return nil, err
	}
	return connectionPool{p}, nil
}

type connectionPool struct{ *httpclient.Pool }

func (p connectionPool) Stats() ConnectionPoolStats { return ConnectionPoolStats(p.Pool.Stats()) }
