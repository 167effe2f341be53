package config

import (
	"reflect"
	"slices"
	"time"
)

// key describes one key of the config file. Everything this package does with
// a key, it knows from here.
type key struct {
	// path with * for a name the author chooses and for the index of an item.
	path         string
	kind         kind
	defaultValue string // what holds when the key is absent and not inherited
	doc          string
	example      string // how it is written, for hints
	limits       limits
	never        bool // 0 is beside the limits and means never
	choices      []string
	meant        map[string]string // choices by what others call them
	required     bool
	check        func(text string) *fault // what kind and limits cannot say
	// What a schema can say of check: the only value, or a pattern of the text.
	only, pattern string
	// oneOf are the keys of a section of which it has exactly one.
	oneOf []string
	// effect of a change, that of the costliest direction. mild tells the
	// changes that are live nonetheless; nil means none.
	effect Effect
	mild   func(from, to string) bool
	// drains tells the changes that need no new socket, although others do.
	drains func(from, to string) bool
	// unless says which changes mild and drains tell.
	unless string

	// The rest is worked out by build.
	name  string
	keys  []*key // of a section, in the order of the table
	each  *key   // of names and lists: what they hold
	field []int  // where a struct keeps it
	fresh reflect.Value
}

type kind string

const (
	section  kind = "section"     // its keys are known
	names    kind = "map by name" // the author chooses its keys
	list     kind = "list"
	headers  kind = "map" // of header fields
	boolean  kind = "true or false"
	integer  kind = "number"
	duration kind = "duration"
	size     kind = "size"
	text     kind = "text"
	enum     kind = "choice" // one of a few words
	workers  kind = "number or auto"
)

// limits of a number, duration or size, both included.
type limits struct{ min, max int64 }

const (
	day = int64(24 * time.Hour)
	kib = int64(1) << 10
	mib = int64(1) << 20
	// many is more than any kernel grants, and far from overflowing anything.
	many = 10_000_000
	// maxBackends is how many cells the scoreboard has, over all pools.
	maxBackends = 256
	maxWorkers  = 256
	// maxRoutes of a listener: the mux compares each pattern with those before
	// it, which takes seconds with ten thousand.
	maxRoutes = 4096
)

var upToDay = limits{0, day}

const overstayed = "connections already past the new limit are closed"

// settings are the keys that listeners inherit; they stand in the table twice.
func settings(under string) []*key {
	rows := []*key{
		{path: "timeouts", kind: section, example: "timeouts: {idle: 30s}"},
		{path: "timeouts.read", kind: duration, defaultValue: "10s", limits: upToDay, effect: Live, unless: overstayed,
			doc: "Limits the time without progress while receiving a request body: the server waits for bytes and none arrive. It does not limit a whole upload that makes progress. 0s means no limit."},
		{path: "timeouts.read_header", kind: duration, defaultValue: "5s", limits: upToDay, effect: Live, unless: overstayed,
			doc: "Limits the time for the request header, and the wait for the first byte of a new connection. 0s means no limit."},
		{path: "timeouts.write", kind: duration, defaultValue: "10s", limits: upToDay, effect: Live, unless: overstayed,
			doc: "Limits the time without progress while sending a response: bytes wait and the client takes none. It does not limit a whole download that makes progress, nor a handler or backend that is silent for a while. 0s means no limit."},
		{path: "timeouts.request", kind: duration, defaultValue: "0s", limits: upToDay, effect: Live, unless: overstayed,
			doc: "Limits a whole request, from its first byte to its last, even if it makes progress. 0s means no limit."},
		{path: "timeouts.response", kind: duration, defaultValue: "0s", limits: upToDay, effect: Live, unless: overstayed,
			doc: "Limits handling and response together, from the end of the request, even if the response makes progress. 0s means no limit."},
		{path: "timeouts.idle", kind: duration, defaultValue: "2m0s", limits: upToDay, effect: Live, unless: overstayed,
			doc: "Limits the wait for the next request. 0s means no limit."},
		{path: "timeouts.shutdown", kind: duration, defaultValue: "30s", limits: upToDay, effect: Live,
			doc: "Limits how long connections may drain when a worker or listener stops. 0s means no limit."},
		{path: "keep_alive", kind: section, example: "keep_alive: {enabled: false}"},
		{path: "keep_alive.enabled", kind: boolean, defaultValue: "true", effect: Drain, mild: becomesTrue, unless: "live when it becomes true",
			doc: "false closes every connection after one response."},
		{path: "keep_alive.period", kind: duration, defaultValue: "3m0s", limits: upToDay, effect: Live,
			doc: "Interval between TCP keep-alive probes."},
		{path: "keep_alive.max_conns", kind: integer, defaultValue: "0", limits: limits{0, many}, effect: Live,
			doc: "Maximum number of idle connections of the listener, all workers together. Above it, a connection is closed after its response. 0 means no limit."},
		{path: "buffers", kind: section, example: "buffers: {read: 8KiB}"},
		{path: "buffers.read", kind: size, defaultValue: "4KiB", limits: limits{kib, mib}, effect: Live,
			doc: "Buffer per connection while a request is read."},
		{path: "buffers.write", kind: size, defaultValue: "4KiB", limits: limits{kib, mib}, effect: Live,
			doc: "Buffer per connection while a response is written."},
		{path: "limits", kind: section, example: "limits: {max_connections: 500}"},
		{path: "limits.max_header_bytes", kind: size, defaultValue: "16KiB", limits: limits{kib, mib}, effect: Live,
			doc: "Maximum size of a request header."},
		{path: "limits.max_connections", kind: integer, defaultValue: "10000", limits: limits{0, many}, effect: Live,
			doc: "Maximum number of open connections of the listener, all workers together. 0 means no limit."},
		{path: "limits.max_request_bytes", kind: size, defaultValue: "10MiB", limits: limits{0, 1 << 20 * mib}, effect: Live,
			doc: "Maximum size of a request body. 0 means no limit."},
		{path: "limits.accept_rate", kind: integer, defaultValue: "0", limits: limits{0, many}, effect: Live,
			doc: "Maximum number of connections accepted per second, all workers of the listener together. 0 means no limit."},
		{path: "limits.min_rate", kind: section, example: "min_rate: {rate: 240B, grace: 5s}",
			doc: "Closes connections whose client sends a request body, or takes a response, more slowly than this. Only time in which the client owes bytes counts."},
		{path: "limits.min_rate.rate", kind: size, defaultValue: "240", limits: limits{0, 1 << 10 * mib}, effect: Live, unless: overstayed,
			example: "rate: 240B",
			doc:     "Bytes per second. 0 means no limit."},
		{path: "limits.min_rate.grace", kind: duration, defaultValue: "5s", limits: limits{int64(time.Second), day}, effect: Live, unless: overstayed,
			doc: "Time over which the rate is averaged, so that a short pause closes nothing."},
	}
	for _, k := range rows {
		k.path = under + "." + k.path
	}
	return rows
}

// table has a row for each key that a config may have, in the order of its sections.
func table() []*key {
	return slices.Concat(general(), settings("defaults"), listeners(), settings("listeners.*"), tlsFiles(), routes(), pools())
}

// general are the rows of what is about the whole config.
func general() []*key {
	return []*key{
		{path: "version", kind: integer, required: true, check: checkVersion, only: "1", effect: Restart,
			example: `version: 1`,
			doc:     "Version of the schema; always 1."},
		{path: "reload", kind: section, example: "reload: {on_removal: apply}",
			doc: "How a saved file takes effect."},
		{path: "reload.on_removal", kind: enum, defaultValue: HoldRemoval, choices: []string{HoldRemoval, ApplyRemoval}, effect: Live,
			doc: "What to do with a saved file that would remove a listener with open connections, or more than half of the listeners: hold keeps it waiting for approval, apply applies it at once."},
		{path: "defaults", kind: section,
			doc: "Values for listeners that do not set their own."},
	}
}

// listeners are the rows of a listener that defaults cannot set.
func listeners() []*key {
	return []*key{
		{path: "listeners", kind: names, doc: "Listeners by name."},
		{path: "listeners.*", kind: section, effect: Drain, mild: added, unless: "live when it is added", example: `web: {address: ":8080"}`,
			doc: "One listener: an address and how it is served."},
		{path: "listeners.*.protocol", kind: enum, defaultValue: "http", choices: []string{"http", "http2", "quic"},
			meant: map[string]string{"http3": "quic", "http/3": "quic", "h3": "quic", "h2": "http2", "http/2": "http2",
				"http1": "http", "http/1.1": "http", "http1.1": "http", "https": "http", "tcp": "http"},
			effect: Rebind, drains: withinTCP, unless: "drain between http and http2",
			doc: "http: HTTP/1.1, over TLS if tls is set. http2: HTTP/2, with HTTP/1.1 for clients that negotiate it; needs tls or h2c. quic: HTTP/3 on a UDP port; needs tls."},
		{path: "listeners.*.h2c", kind: boolean, defaultValue: "false", effect: Drain,
			doc: "Allows http2 without TLS, for clients with prior knowledge."},
		{path: "listeners.*.program_tls", kind: boolean, defaultValue: "false", effect: Drain,
			doc: "Uses the *tls.Config that a Go program has set in its ServerConfig. Only such a program sets this key."},
		{path: "listeners.*.address", kind: text, required: true, check: checkAddress, pattern: `^(\[[^\]]*\]|[^:]*):[0-9]{1,5}$`, effect: Rebind,
			example: `address: ":8080"`,
			doc:     "host:port to listen on. An empty host means all addresses of the machine."},
		{path: "listeners.*.enabled", kind: boolean, defaultValue: "true", effect: Drain, mild: becomesTrue, unless: "live when it becomes true",
			doc: "Whether the listener serves. false keeps it in the file without serving it."},
		{path: "listeners.*.prefork", kind: section, example: `prefork: {workers: 4}`},
		{path: "listeners.*.prefork.workers", kind: workers, defaultValue: "0", limits: limits{0, maxWorkers},
			effect: Drain, mild: moreWorkers, unless: "live when there are more",
			example: `workers: 4`,
			doc:     "Number of worker processes that serve the listener; auto means one per CPU. With 0 the master process serves it."},
		{path: "listeners.*.prefork.steering", kind: enum, defaultValue: "auto",
			choices: []string{"auto", "least_connections", "weighted", "random", "shared"},
			effect:  Restart, mild: keepsSockets,
			doc: "How new connections are spread over workers. least_connections: to the worker with the fewest (needs Linux and CAP_BPF). weighted: at random, by weights that follow connections and queues. random: at random. shared: all workers accept from one socket. auto: the first of these that is available. For a change to or from shared, stop the listener first."},
		{path: "listeners.*.prefork.hang_timeout", kind: duration, defaultValue: "10s", limits: limits{int64(time.Second), day}, never: true, effect: Live,
			doc: "Replaces a worker whose heartbeat has stopped for this long. New connections are steered away from it after a fifth of that time, at most 2s. 0s means never."},
		{path: "listeners.*.prefork.orphan_timeout", kind: duration, defaultValue: "1m0s", limits: upToDay, effect: Live,
			doc: "How long workers keep serving after the master has died, so that a new master on the same control socket can adopt them (Linux; not QUIC). With 0s they drain at once."},
		{path: "listeners.*.prefork.recycle", kind: section, example: `recycle: {max_requests: 1000000}`},
		{path: "listeners.*.prefork.recycle.max_requests", kind: integer, defaultValue: "0", limits: limits{0, 1_000_000_000}, effect: Live,
			doc: "Replaces a worker after this many requests, give or take a tenth. 0 means never."},
		{path: "listeners.*.prefork.recycle.max_age", kind: duration, defaultValue: "0s", limits: limits{int64(time.Second), 366 * day}, never: true, effect: Live,
			doc: "Replaces a worker at this age, give or take a tenth. 0s means never."},
		{path: "listeners.*.prefork.recycle.max_memory", kind: size, defaultValue: "0", limits: limits{int64(minMemory), 1 << 20 * mib}, never: true, effect: Live,
			doc: "Replaces a worker whose resident memory exceeds this. 0 means never."},
	}
}

// tlsFiles are the rows of the certificate of a listener.
func tlsFiles() []*key {
	return []*key{
		{path: "listeners.*.tls", kind: section, effect: Drain,
			example: `tls: {cert_file: cert.pem, key_file: key.pem}`,
			doc:     "Turns TLS on. The files are read again when they change."},
		{path: "listeners.*.tls.cert_file", kind: text, required: true, check: checkPath, pattern: `.`, effect: Live,
			example: `cert_file: cert.pem`,
			doc:     "Certificate in PEM, followed by its intermediate certificates. Relative paths start at the config file."},
		{path: "listeners.*.tls.key_file", kind: text, required: true, check: checkPath, pattern: `.`, effect: Live,
			example: `key_file: key.pem`,
			doc:     "Private key in PEM, unencrypted."},
	}
}

// routes are the rows of the routes of a listener.
func routes() []*key {
	return []*key{
		{path: "listeners.*.routes", kind: list, limits: limits{0, maxRoutes}, effect: Live,
			example: `- {match: "/", respond: {body: hello}}`,
			doc:     "Routes, matched by the rules of Go's http.ServeMux: the most specific pattern wins. An edit replaces the whole list."},
		{path: "listeners.*.routes.*", kind: section, oneOf: handlers, effect: Live,
			example: `- {match: "/", respond: {body: hello}}`,
			doc:     "A pattern and exactly one handler: respond, files, proxy or stats."},
		{path: "listeners.*.routes.*.match", kind: text, required: true, check: checkMatch, pattern: `/`, effect: Live,
			example: `match: "GET /hello"`,
			doc:     "Pattern: [METHOD ][HOST]/[PATH]."},
		{path: "listeners.*.routes.*.timeouts", kind: section, effect: Live,
			example: `timeouts: {write: 1m}`,
			doc:     "Timeouts of this route. Values that are not set are those of the listener."},
		{path: "listeners.*.routes.*.timeouts.read", kind: duration, limits: upToDay, effect: Live,
			doc: "Like timeouts.read of the listener; applies once the route is known. 0s means no limit."},
		{path: "listeners.*.routes.*.timeouts.write", kind: duration, limits: upToDay, effect: Live,
			doc: "Like timeouts.write of the listener. 0s means no limit."},
		{path: "listeners.*.routes.*.timeouts.request", kind: duration, limits: upToDay, effect: Live,
			doc: "Like timeouts.request of the listener. 0s means no limit."},
		{path: "listeners.*.routes.*.timeouts.response", kind: duration, limits: upToDay, effect: Live,
			doc: "Like timeouts.response of the listener. 0s means no limit."},
		{path: "listeners.*.routes.*.timeouts.min_rate", kind: size, limits: limits{0, 1 << 10 * mib}, effect: Live,
			doc: "Like limits.min_rate.rate of the listener, in bytes per second. 0 means no limit."},
		{path: "listeners.*.routes.*.respond", kind: section, effect: Live,
			example: `respond: {body: hello}`,
			doc:     "Answers with a fixed response."},
		{path: "listeners.*.routes.*.respond.status", kind: integer, defaultValue: "200", limits: limits{200, 599}, effect: Live,
			doc: "Status code of the response."},
		{path: "listeners.*.routes.*.respond.headers", kind: headers, effect: Live,
			example: `headers: {Content-Type: text/html}`,
			doc:     "Header fields to set. Content-Type defaults to text/plain; charset=utf-8."},
		{path: "listeners.*.routes.*.respond.body", kind: text, effect: Live,
			doc: "Body of the response."},
		{path: "listeners.*.routes.*.files", kind: section, effect: Live,
			example: `files: {root: ./public}`,
			doc:     "Serves the regular files of a directory. Symbolic links within it are followed; absolute links and links that lead outside are not."},
		{path: "listeners.*.routes.*.files.root", kind: text, required: true, check: checkRoot, pattern: `.`, effect: Live,
			example: `root: ./public`,
			doc:     "Directory to serve. Relative paths start at the config file."},
		{path: "listeners.*.routes.*.files.index", kind: text, defaultValue: "index.html", check: checkIndex, pattern: `^([^./\\]|[.][^./\\]|[.][.][^/\\])[^/\\]*$`, effect: Live,
			doc: "File that is served for a directory."},
		{path: "listeners.*.routes.*.proxy", kind: section, effect: Live,
			example: `proxy: {pool: api}`,
			doc:     "Forwards to a backend of a pool."},
		{path: "listeners.*.routes.*.proxy.pool", kind: text, required: true, effect: Live,
			example: `pool: api`,
			doc:     "Name of the pool."},
		{path: "listeners.*.routes.*.stats", kind: section, effect: Live,
			example: `stats: {}`,
			doc:     "Answers with the listener's connection counts as JSON."},
	}
}

// pools are the rows of pools and their backends.
func pools() []*key {
	return []*key{
		{path: "pools", kind: names, doc: "Pools of backends by name."},
		{path: "pools.*", kind: section, effect: Drain, mild: added, unless: "live when it is added",
			doc: "A set of backends, with limits for the connections to them."},
		{path: "pools.*.balance", kind: enum, defaultValue: "least_connections",
			choices: []string{"least_connections", "round_robin", "random"}, effect: Live,
			doc: "How a backend is chosen for a request."},
		{path: "pools.*.max_conns", kind: integer, defaultValue: "512", limits: limits{1, many}, effect: Live,
			doc: "Maximum number of connections per backend and process."},
		{path: "pools.*.max_wait", kind: duration, defaultValue: "5s", limits: upToDay, effect: Live,
			doc: "Limits the wait for a free connection."},
		{path: "pools.*.idle_timeout", kind: duration, defaultValue: "1m0s", limits: upToDay, effect: Live,
			doc: "Closes a connection that has been unused for this long."},
		{path: "pools.*.dial_timeout", kind: duration, defaultValue: "3s", limits: upToDay, effect: Live,
			doc: "Limits the time for connecting to a backend."},
		{path: "pools.*.read_timeout", kind: duration, defaultValue: "1m0s", limits: upToDay, effect: Live,
			doc: "Limits the wait for a backend's response header, and for each further part of a response that is not an event stream."},
		{path: "pools.*.max_header_bytes", kind: size, defaultValue: "64KiB", limits: limits{16 * kib, 16 * mib}, effect: Live,
			doc: "Maximum size of a backend's response header. A larger one is answered with 502."},
		{path: "pools.*.backends", kind: names, required: true, example: `backends: {a: {url: "http://127.0.0.1:9001"}}`,
			doc: "Backends by name; at least one."},
		{path: "pools.*.backends.*", kind: section, effect: Drain, mild: added, unless: "live when it is added", example: `a: {url: "http://127.0.0.1:9001"}`,
			doc: "One backend server of a pool."},
		{path: "pools.*.backends.*.url", kind: text, required: true, check: checkURL, pattern: `^[Hh][Tt][Tt][Pp]://[^/?#@]+:[0-9]{1,5}$`, effect: Drain,
			example: `url: "http://127.0.0.1:9001"`,
			doc:     "URL of the backend: http://host:port."},
		{path: "pools.*.backends.*.weight", kind: integer, defaultValue: "1", limits: limits{1, 1000}, effect: Live,
			doc: "The backend's share of requests, relative to the other backends of the pool."},
	}
}

// schema is the table as a tree.
var schema = build(table())
