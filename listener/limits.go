package listener

import "time"

// Limits bound a server and its connections. All can be changed while it
// serves; what is said of a connection then holds for open ones too, unless
// noted. Zero means no limit, except where a default is given.
type Limits struct {
	// Read bounds the time without progress while a request body is received:
	// the server waits for bytes and none arrive.
	Read time.Duration
	// ReadHeader bounds the request header, and the wait for the first byte of
	// a new connection.
	ReadHeader time.Duration
	// Write bounds the time without progress while a response is sent: bytes
	// wait and the client takes none.
	Write time.Duration
	// Request bounds the whole of a request, from its first byte to its last.
	Request time.Duration
	// Response bounds the whole of handling and response, from the end of the
	// request.
	Response time.Duration
	// MinRate is how many bytes a second a client must send of a request body,
	// or take of a response, over a time of MinRateGrace in which it owes bytes;
	// zero is no limit. MinRateGrace is 5s by default.
	MinRate      int
	MinRateGrace time.Duration
	// Idle bounds the wait for the next request.
	Idle time.Duration
	// DrainIdle is how long a connection without a request may still send one
	// after a drain began. Default 1s. ReadHeader alone bounds one that has not
	// sent any: its first bytes may have been lost on the way, or its TLS
	// handshake not be over.
	DrainIdle time.Duration

	// KeepAlive false ends each connection after one response.
	KeepAlive bool
	// KeepAlivePeriod is the time between TCP keep-alive probes. Zero leaves
	// the default of the system, a negative value sends none.
	KeepAlivePeriod time.Duration
	// MaxIdle is how many connections may wait for another request, in all servers
	// of an [Admission]: a response that would leave one more waiting closes its
	// connection instead.
	MaxIdle int

	// ReadBuffer and WriteBuffer are bytes per connection, 4096 by default. A
	// change applies to new connections, and to open ones once they rest.
	ReadBuffer, WriteBuffer int
	// MaxHeaderBytes bounds a request header; 16384 by default. Raising it
	// applies as a change of ReadBuffer does.
	MaxHeaderBytes int

	// MaxConnections bounds open connections, in all servers of an [Admission]; one
	// more is answered with 503.
	MaxConnections int
	// MaxRequestBytes bounds a request body, in bytes.
	MaxRequestBytes int64
	// AcceptRate bounds accepted connections per second, in all servers of an
	// [Admission]. Others wait in the queue of the kernel.
	AcceptRate int
}

const (
	defaultBuffer    = 4 << 10
	defaultHeader    = 16 << 10
	defaultDrainIdle = time.Second
	defaultGrace     = 5 * time.Second
)

func (l Limits) withDefaults() Limits {
	l.ReadBuffer = positive(l.ReadBuffer, defaultBuffer)
	l.WriteBuffer = positive(l.WriteBuffer, defaultBuffer)
	l.MaxHeaderBytes = positive(l.MaxHeaderBytes, defaultHeader)
	if l.MinRateGrace <= 0 {
		l.MinRateGrace = defaultGrace
	}
	if l.DrainIdle <= 0 {
		l.DrainIdle = defaultDrainIdle
	}
	return l
}

func positive(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// buffers decide which engine a connection can be served by.
type buffers struct{ read, write int }

func (l Limits) buffers() buffers {
	return buffers{read: max(l.ReadBuffer, l.MaxHeaderBytes), write: l.WriteBuffer}
}

// bound is how long a connection may stay in a state whatever happens, counted
// from when it entered it. Zero is forever.
func (l *Limits) bound(s State) time.Duration {
	switch s {
	case StateNew:
		return l.ReadHeader
	case StateHeader:
		return l.ReadHeader
	case StateIdle:
		return l.Idle
	}
	return 0
}

// effectiveLimits are the limits in force. They are replaced as a whole.
type effectiveLimits struct {
	Limits
	engine   engine
	replaced chan struct{} // closed when other limits are in force
}
