// Package config says what should run: listeners, their limits and routes, and
// the pools of backends behind them. It is pure: it opens no socket, starts no
// goroutine and never looks at the running state.
//
// Start with [Config], the desired state. It is immutable once built: treat its
// maps as read-only, and any number of goroutines may use it.
//
//	file ── Parse ──┐                       ┌── Diff ──▶ []Change
//	                ├──▶ Config ── With ──▶ Config
//	New ────────────┘      (a Patch)
//
// [Parse] returns either a Config or [Errors]: every mistake at once, with line,
// column and a suggested fix. Unknown keys are mistakes. [Config.With] applies a
// [Patch], a list of paths and values, and checks the result in the same way.
// [Diff] names what differs and the [Effect] of each change: whether connections
// notice it. [Rewrite] writes values into a file without touching anything else
// in it.
//
// Everything about a key (type, limits, default, meaning, effect) is one row of
// the table in schema.go. Parsing, [Explain], the JSON Schema, docs/config.md and
// the forms of the cockpit are made from it; to add a key, add its row and its
// field.
package config

// Config is the desired state. Every field holds its effective value: defaults
// and inheritance are already resolved. A Config remembers the document it was
// made from, so that [Config.With] changes only what was asked and listeners
// keep inheriting what they do not set themselves.
type Config struct {
	// Version is the version of the schema, always 1.
	Version int `json:"version"`
	// Reload says how a saved file takes effect.
	Reload Reload `json:"reload"`
	// Defaults are inherited by every listener that does not set them itself.
	Defaults Settings `json:"defaults"`
	// Listeners by name.
	Listeners map[string]Listener `json:"listeners"`
	// Pools by name.
	Pools map[string]Pool `json:"pools"`

	doc *document
}

// Reload says how a saved file takes effect.
type Reload struct {
	// OnRemoval is "hold" (default): a saved file that would remove a listener
	// which has connections, or more than half of the listeners, waits until
	// somebody decides; or "apply".
	OnRemoval string `json:"on_removal"`
}

// Values of [Reload].OnRemoval.
const (
	HoldRemoval  = "hold"
	ApplyRemoval = "apply"
)

// Settings are what a listener inherits from the defaults.
type Settings struct {
	Timeouts  Timeouts  `json:"timeouts"`
	KeepAlive KeepAlive `json:"keep_alive"`
	Buffers   Buffers   `json:"buffers"`
	Limits    Limits    `json:"limits"`
}

// ProtocolQUIC is the Protocol of a listener that serves HTTP/3 on a UDP port.
const ProtocolQUIC = "quic"

// Listener is one endpoint.
type Listener struct {
	// Protocol is "http" (HTTP/1.1, over TLS if that is set), "http2" (HTTP/2,
	// and HTTP/1.1 for clients that choose it) or "quic". Default "http".
	Protocol string `json:"protocol"`
	// H2C lets http2 do without TLS, for clients that know they may begin with
	// it. Default false.
	H2C bool `json:"h2c"`
	// ProgramTLS says that the program that embeds the runtime brings the TLS of
	// this listener, instead of certificate files. Default false.
	ProgramTLS bool `json:"program_tls,omitempty"`
	// Address is host:port; the host may be empty. Required.
	Address string `json:"address"`
	// Enabled listeners are served, others keep their place in the file. Default true.
	Enabled bool `json:"enabled"`
	// Prefork makes worker processes share the listener.
	Prefork Prefork `json:"prefork"`

	Settings

	// TLS is nil for cleartext.
	TLS *TLS `json:"tls,omitempty"`
	// Routes are matched by the rules of Go's http.ServeMux.
	Routes []Route `json:"routes"`
}

// Prefork says how many worker processes serve a listener.
type Prefork struct {
	// Workers is their number. 0, the default, serves in the master process.
	Workers int `json:"workers"`
	// Auto is set by "workers: auto": one worker per CPU. Workers then holds
	// the number for this machine.
	Auto bool `json:"auto,omitempty"`
	// Steering is how new connections are spread over the workers:
	// least_connections, weighted, random, shared, or auto, the default, for
	// the first of them that this system allows.
	Steering string `json:"steering"`
	// HangTimeout is how long a worker may show no sign of life until it is
	// replaced; connections are steered away from it after a fifth of that, 2s
	// at most. 0 waits for it forever. Default 10s.
	HangTimeout Duration `json:"hang_timeout"`
	// OrphanTimeout is how long workers serve on when the master has died, for
	// another one to adopt them; 0 has them drain at once. Default 1m.
	OrphanTimeout Duration `json:"orphan_timeout"`
	// Recycle replaces workers from time to time.
	Recycle Recycle `json:"recycle"`
}

// Recycle bounds the life of a worker. One beyond a bound is replaced without a
// connection lost, one worker of a listener at a time. Zero bounds nothing.
type Recycle struct {
	// MaxRequests a worker answers, a tenth more or less. Default 0.
	MaxRequests int `json:"max_requests"`
	// MaxAge of a worker, a tenth more or less. Default 0s.
	MaxAge Duration `json:"max_age"`
	// MaxMemory that a worker holds resident. Default 0.
	MaxMemory Size `json:"max_memory"`
}

// Timeouts bound the phases of a connection. Zero means no limit. Changing one
// reaches open connections.
type Timeouts struct {
	// Read bounds the time without progress while a request body is received:
	// the server waits for bytes and none arrive. Default 10s.
	Read Duration `json:"read"`
	// ReadHeader bounds the request header, and the wait for the first byte of
	// a new connection. Default 5s.
	ReadHeader Duration `json:"read_header"`
	// Write bounds the time without progress while a response is sent: bytes
	// wait and the client takes none. A handler that is silent for a while is no
	// lack of progress. Default 10s.
	Write Duration `json:"write"`
	// Request bounds the whole of a request, from its first byte to its last.
	// Default 0s.
	Request Duration `json:"request"`
	// Response bounds the whole of handling and response, from the end of the
	// request. Default 0s.
	Response Duration `json:"response"`
	// Idle bounds the wait for the next request. Default 120s.
	Idle Duration `json:"idle"`
	// Shutdown bounds the drain of connections when a worker or listener ends. Default 30s.
	Shutdown Duration `json:"shutdown"`
}

// KeepAlive says whether connections outlive a request.
type KeepAlive struct {
	// Enabled false closes every connection after one response. Default true.
	Enabled bool `json:"enabled"`
	// Period of TCP keep-alive probes. Default 3m.
	Period Duration `json:"period"`
	// MaxConns is how many connections of a listener may wait idle; beyond it a
	// response closes its connection. 0 means no limit. Default 0.
	MaxConns int `json:"max_conns"`
}

// Buffers are held per connection while a request is in progress.
type Buffers struct {
	// Read, default 4KiB.
	Read Size `json:"read"`
	// Write, default 4KiB.
	Write Size `json:"write"`
}

// Limits of a listener. Zero means no limit, except for MaxHeaderBytes.
type Limits struct {
	// MaxHeaderBytes bounds a request's header. Default 16KiB.
	MaxHeaderBytes Size `json:"max_header_bytes"`
	// MaxConnections bounds open connections of the listener, all its workers
	// together. Default 10000.
	MaxConnections int `json:"max_connections"`
	// MaxRequestBytes bounds a request's body. Default 10MiB.
	MaxRequestBytes Size `json:"max_request_bytes"`
	// AcceptRate bounds accepted connections per second, all workers of the
	// listener together. Default 0.
	AcceptRate int `json:"accept_rate"`
	// MinRate ends what trickles.
	MinRate MinRate `json:"min_rate"`
}

// MinRate is how fast a client must be at least: it ends a connection whose
// client sends a request body, or takes a response, more slowly than Rate over a
// time of Grace. Only the time in which the client owes bytes counts.
type MinRate struct {
	// Rate in bytes per second; 0 means no limit. Default 240.
	Rate Size `json:"rate"`
	// Grace is the time over which the rate is taken. Default 5s.
	Grace Duration `json:"grace"`
}

// Secure reports whether the listener speaks TLS.
func (l Listener) Secure() bool { return l.TLS != nil || l.ProgramTLS }

// TLS names the certificate of a listener, two files in PEM. They are read again
// when they change.
type TLS struct {
	// CertFile has the certificate, then those that lead to its root; relative
	// paths are relative to the config file.
	CertFile string `json:"cert_file"`
	// KeyFile has the private key, unencrypted.
	KeyFile string `json:"key_file"`
}

// Route sends matching requests to exactly one of its four handlers.
type Route struct {
	// Match is a pattern of http.ServeMux: "[METHOD ][HOST]/[PATH]".
	Match string `json:"match"`
	// Timeouts of the route, where they are not those of the listener.
	Timeouts *RouteTimeouts `json:"timeouts,omitempty"`

	Respond *Respond `json:"respond,omitempty"`
	Files   *Files   `json:"files,omitempty"`
	Proxy   *Proxy   `json:"proxy,omitempty"`
	Stats   *Stats   `json:"stats,omitempty"`
}

// RouteTimeouts are those of the listener's [Timeouts] that a route may set. Nil
// is as the listener has it, zero is no limit.
type RouteTimeouts struct {
	Read     *Duration `json:"read,omitempty"`
	Write    *Duration `json:"write,omitempty"`
	Request  *Duration `json:"request,omitempty"`
	Response *Duration `json:"response,omitempty"`
	// MinRate in bytes a second, instead of the listener's limits.min_rate.rate.
	MinRate *Size `json:"min_rate,omitempty"`
}

// Respond answers with a fixed response.
type Respond struct {
	// Status, default 200.
	Status int `json:"status"`
	// Headers to set. Content-Type defaults to text/plain; charset=utf-8.
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body"`
}

// Files serves the regular files of a directory, an index for each directory and
// never a listing. Nothing outside of it can be reached: a symbolic link that is
// absolute, or leads outside, is not followed. Root itself may be a link.
type Files struct {
	// Root is the directory; relative paths are relative to the config file.
	Root string `json:"root"`
	// Index is served for a directory. Default "index.html".
	Index string `json:"index"`
}

// Proxy forwards to a backend of a pool.
type Proxy struct {
	Pool string `json:"pool"`
}

// Stats answers with the listener's connection counts as JSON.
type Stats struct{}

// Pool is a set of backends and the bounds of the connections kept to them.
type Pool struct {
	// Balance is "least_connections" (default), "round_robin" or "random".
	Balance string `json:"balance"`
	// MaxConns bounds connections per backend and process. Default 512.
	MaxConns int `json:"max_conns"`
	// MaxWait bounds the wait for a free connection. Default 5s.
	MaxWait Duration `json:"max_wait"`
	// IdleTimeout closes a connection unused for so long. Default 60s.
	IdleTimeout Duration `json:"idle_timeout"`
	// DialTimeout bounds connecting to a backend. Default 3s.
	DialTimeout Duration `json:"dial_timeout"`
	// ReadTimeout bounds the wait for the header of a backend's response, of which
	// the client then gets 504, and the gap between two reads of its body, upon
	// which the response breaks off. Streams of events (text/event-stream,
	// application/grpc, x-ndjson, X-Accel-Buffering: no) and switched connections
	// may be silent for longer. Default 60s.
	ReadTimeout Duration `json:"read_timeout"`
	// MaxHeaderBytes bounds the header of a backend's response; the client of a
	// larger one gets 502. Default 64KiB.
	MaxHeaderBytes Size `json:"max_header_bytes"`
	// Backends by name; at least one.
	Backends map[string]Backend `json:"backends"`
}

// Backend is one server of a pool.
type Backend struct {
	// URL is http://host:port.
	URL string `json:"url"`
	// Weight is this backend's share, relative to its siblings. Default 1.
	Weight int `json:"weight"`
}
