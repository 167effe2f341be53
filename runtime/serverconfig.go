package runtime

import (
	"crypto/tls"
	"errors"
	"fmt"
	goruntime "runtime"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// ServerConfig says how a server listens and what it allows. The zero value of
// each field means its default; for a duration or a limit, a negative value
// means none. Sizes are in bytes.
type ServerConfig struct {
	// Name of the listener in the cockpit and in logs: up to 63 letters,
	// digits, - and _. Default "main" for the server of [App.Start], "server-1"
	// and so on for others.
	Name string
	// Protocol is "http" (HTTP/1.1), "http2" or "quic". The default follows from
	// how the server is started: ListenTLS means http2, ListenQUIC quic, and
	// everything else http.
	Protocol string
	// Address to listen on, host:port, where Start and Listen name none.
	// Default ":8080".
	Address string
	// EnableH2C lets protocol http2 do without TLS, for clients that begin with
	// HTTP/2 in clear. Default false.
	EnableH2C bool
	// TLSCertFile and TLSKeyFile are PEM files, where ListenTLS and ListenQUIC
	// name none. Default none.
	TLSCertFile, TLSKeyFile string
	// TLS is used instead of certificate files, for what those cannot do: a
	// GetCertificate that chooses or orders them, client certificates. It is
	// used as it is, but that h2 and http/1.1 in NextProtos follow from the
	// protocol; it must not be changed after the start. It needs a certificate or
	// a function that gives one. Default none.
	TLS *tls.Config

	// EnablePrefork serves by worker processes, each of them this program
	// started again. Not on Windows. Default false.
	EnablePrefork bool
	// PreforkWorkers is their number. Default one per CPU.
	PreforkWorkers int
	// Steering is how new connections are spread over workers:
	// "least_connections", "weighted", "random", "shared", or "auto", which is
	// the first of them that the system offers. Default "auto".
	Steering string
	// RecycleRequests, RecycleAge and RecycleMemory replace a worker that has
	// answered so many requests, is so old, or holds so many bytes of memory
	// resident (32 MiB at least); the first two vary by a tenth, so that workers do not
	// come due together. Default 0: never.
	RecycleRequests int64
	RecycleAge      time.Duration
	RecycleMemory   int64

	// ReadTimeout bounds the time without progress while a request body is
	// received: the server waits for bytes and none arrive. It does not bound the
	// whole of a request, see RequestTimeout. Default 10s.
	ReadTimeout time.Duration
	// ReadHeaderTimeout bounds the whole of a request header, from its first
	// byte, and the wait for the first byte of a new connection. Default 5s.
	ReadHeaderTimeout time.Duration
	// WriteTimeout bounds the time without progress while a response is sent:
	// bytes wait and the client takes none. It bounds neither the whole of a
	// response nor the silence of a handler, see ResponseTimeout. Default 10s.
	WriteTimeout time.Duration
	// RequestTimeout bounds the whole of a request, from its first byte to its
	// last; one that is late is answered with 408. Default no limit.
	RequestTimeout time.Duration
	// ResponseTimeout bounds the whole of handling and response, from the end of
	// the request; then the connection or stream ends. Default no limit.
	ResponseTimeout time.Duration
	// IdleTimeout bounds the wait for the next request on an open connection.
	// Default 120s.
	IdleTimeout time.Duration
	// ShutdownTimeout bounds how long open requests may take after the server
	// or a worker was told to end. Default 30s.
	ShutdownTimeout time.Duration

	// EnableKeepAlive lets a connection carry more than one request, which is the
	// default: false means that too. DisableKeepAlive turns it off.
	EnableKeepAlive bool
	// DisableKeepAlive ends each connection after one response. Default false.
	DisableKeepAlive bool
	// KeepAlivePeriod is the time between TCP keep-alive probes. Default 3m.
	KeepAlivePeriod time.Duration
	// MaxKeepAliveConns is how many connections may wait for another request;
	// beyond it a response closes its connection. Default no limit.
	MaxKeepAliveConns int

	// ReadBufferSize and WriteBufferSize are held per connection while a
	// request is in progress. Default 4096.
	ReadBufferSize, WriteBufferSize int
	// MaxHeaderBytes bounds a request header; more is answered with 431.
	// Default 16384.
	MaxHeaderBytes int
	// MaxConnections bounds open connections; one more is answered with 503.
	// Default 10000.
	MaxConnections int
	// MaxRequestBytes bounds a request body; more is answered with 413.
	// Default 10 MiB.
	MaxRequestBytes int64
	// AcceptRate bounds accepted connections per second; others wait. Default
	// no limit.
	AcceptRate int
}

// check finds what no listener is needed for to know that it is wrong.
func (c ServerConfig) check() error {
	if c.EnableKeepAlive && c.DisableKeepAlive {
		return errors.New("server config: both EnableKeepAlive and DisableKeepAlive are set: set one")
	}
	if c.PreforkWorkers < 0 {
		return fmt.Errorf("server config: %d PreforkWorkers: 0 means one per CPU", c.PreforkWorkers)
	}
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		return errors.New("server config: TLSCertFile and TLSKeyFile belong together: set both")
	}
	return c.checkTLS()
}

func (c ServerConfig) checkTLS() error {
	switch t := c.TLS; {
	case t == nil:
	case c.TLSCertFile != "":
		return errors.New("server config: both TLS and TLSCertFile are set: set one")
	case len(t.Certificates) == 0 && t.GetCertificate == nil && t.GetConfigForClient == nil:
		return errors.New("server config: TLS has no certificate: set Certificates or GetCertificate")
	}
	return nil
}

func (c ServerConfig) workers() int {
	switch {
	case !c.EnablePrefork:
		return 0
	case c.PreforkWorkers > 0:
		return c.PreforkWorkers
	}
	return goruntime.NumCPU()
}

// listener is that of a config.
func (c ServerConfig) listener() config.Listener {
	l := config.NewListener(c.Address)
	l.Protocol, l.H2C, l.ProgramTLS = c.Protocol, c.EnableH2C, c.TLS != nil
	if c.TLSCertFile != "" {
		l.TLS = &config.TLS{CertFile: c.TLSCertFile, KeyFile: c.TLSKeyFile}
	}
	l.Prefork = config.Prefork{
		Workers: c.workers(), Steering: c.Steering,
		Recycle: config.Recycle{
			MaxRequests: int(c.RecycleRequests), MaxAge: config.Duration(c.RecycleAge), MaxMemory: config.Size(c.RecycleMemory),
		},
	}
	l.Timeouts = config.Timeouts{
		Read: config.Duration(c.ReadTimeout), ReadHeader: config.Duration(c.ReadHeaderTimeout),
		Write: config.Duration(c.WriteTimeout), Idle: config.Duration(c.IdleTimeout),
		Request: config.Duration(c.RequestTimeout), Response: config.Duration(c.ResponseTimeout),
		Shutdown: config.Duration(c.ShutdownTimeout),
	}
	l.KeepAlive = config.KeepAlive{
		Enabled: !c.DisableKeepAlive, Period: config.Duration(c.KeepAlivePeriod), MaxConns: c.MaxKeepAliveConns,
	}
	l.Buffers = config.Buffers{Read: config.Size(c.ReadBufferSize), Write: config.Size(c.WriteBufferSize)}
	l.Limits = config.Limits{
		MaxHeaderBytes: config.Size(c.MaxHeaderBytes), MaxConnections: c.MaxConnections,
		MaxRequestBytes: config.Size(c.MaxRequestBytes), AcceptRate: c.AcceptRate,
	}
	return l
}
