package serving

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Settings are all that a process needs to know to serve a listener. The master
// sends them to workers as JSON, and uses them itself where there are none.
type Settings struct {
	Name     string          `json:"name"`
	Listener config.Listener `json:"listener"`
	// Pools that the listener's routes name.
	Pools map[string]config.Pool `json:"pools,omitempty"`
	// Cells are the places of backends on the scoreboard, by "pool/backend".
	Cells map[string]int `json:"cells,omitempty"`
	// TLS is nil where the listener has none.
	TLS *certs.Material `json:"tls,omitempty"`
	// Board is the layout of the scoreboard, and BoardFormat that of its directory,
	// for a master that adopts the worker.
	Board       string `json:"board,omitempty"`
	BoardFormat int    `json:"board_format,omitempty"`
	// QUIC is set for workers that serve it.
	QUIC *listener.QUICKeys `json:"quic,omitempty"`
}

// Encode is what a worker gets to know.
func (s Settings) Encode() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic("serving: settings do not marshal: " + err.Error()) // plain data always does
	}
	return data
}

// DrainTimeout is how long connections may finish; a year where the config sets no
// bound.
func (s Settings) DrainTimeout() time.Duration {
	if d := time.Duration(s.Listener.Timeouts.Shutdown); d > 0 {
		return d
	}
	return 365 * 24 * time.Hour
}

// HangTimeout is how long a worker may do nothing before it is replaced; 0 means
// for ever.
func (s Settings) HangTimeout() time.Duration { return time.Duration(s.Listener.Prefork.HangTimeout) }

// OrphanTimeout is how long workers serve on without a master.
func (s Settings) OrphanTimeout() time.Duration {
	return time.Duration(s.Listener.Prefork.OrphanTimeout)
}

// Recycle are the bounds of a worker's life.
func (s Settings) Recycle() prefork.Recycle {
	r := s.Listener.Prefork.Recycle
	return prefork.Recycle{
		Requests: uint64(r.MaxRequests), Age: time.Duration(r.MaxAge), Memory: uint64(r.MaxMemory),
	}
}

// limitsOf translates the config of a listener.
func limitsOf(c config.Listener) listener.Limits {
	return listener.Limits{
		Read:            time.Duration(c.Timeouts.Read),
		ReadHeader:      time.Duration(c.Timeouts.ReadHeader),
		Write:           time.Duration(c.Timeouts.Write),
		Request:         time.Duration(c.Timeouts.Request),
		Response:        time.Duration(c.Timeouts.Response),
		MinRate:         int(c.Limits.MinRate.Rate),
		MinRateGrace:    time.Duration(c.Limits.MinRate.Grace),
		Idle:            time.Duration(c.Timeouts.Idle),
		KeepAlive:       c.KeepAlive.Enabled,
		KeepAlivePeriod: time.Duration(c.KeepAlive.Period),
		MaxIdle:         c.KeepAlive.MaxConns,
		ReadBuffer:      int(c.Buffers.Read),
		WriteBuffer:     int(c.Buffers.Write),
		MaxHeaderBytes:  int(c.Limits.MaxHeaderBytes),
		MaxConnections:  c.Limits.MaxConnections,
		MaxRequestBytes: int64(c.Limits.MaxRequestBytes),
		AcceptRate:      c.Limits.AcceptRate,
	}
}

func poolConfig(name string, c config.Pool, cells map[string]int, b *scoreboard.Board) pool.Config {
	out := pool.Config{
		Name: name, Balance: c.Balance, MaxConns: c.MaxConns,
		MaxWait:     time.Duration(c.MaxWait),
		IdleTimeout: time.Duration(c.IdleTimeout),
		DialTimeout: time.Duration(c.DialTimeout),
		ReadTimeout: time.Duration(c.ReadTimeout), MaxHeaderBytes: int(c.MaxHeaderBytes),
	}
	for _, backend := range slices.Sorted(maps.Keys(c.Backends)) {
		v := c.Backends[backend]
		out.Backends = append(out.Backends, pool.BackendConfig{
			Name: backend, URL: v.URL, Weight: v.Weight,
			Counters: &b.Backends[cells[name+"/"+backend]],
		})
	}
	return out
}
