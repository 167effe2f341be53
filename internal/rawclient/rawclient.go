// Package rawclient drives HTTP/1.1 load over plain sockets for the tests that
// prove nothing is dropped. Its clients never retry: every connect, write or
// read that fails is a failure, named by its cause. Ordinary HTTP clients hide
// such failures by sending the request again.
package rawclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options of a load.
type Options struct {
	// Address as host:port, and Path of the requests.
	Address, Path string
	// Clients work side by side, each on one connection at a time.
	Clients int
	// Short closes the connection after each request.
	Short bool
	// Pause between two requests of a client.
	Pause time.Duration
	// Jitter makes each pause anything up to Pause.
	Jitter bool
	// Timeout of a connect and of a request. Default 30s.
	Timeout time.Duration
}

// Result counts what happened.
type Result struct {
	Requests   int // answered with 200
	Reconnects int // because the server announced Connection: close
	Failures   Failures
}

// Failed is the number of failures.
func (r Result) Failed() int { return r.Failures.Total() }

// String has all counts in one line.
func (r Result) String() string {
	return fmt.Sprintf("%d requests, %d reconnects, %d failed%s", r.Requests, r.Reconnects, r.Failed(), r.Failures)
}

// Load is a running load.
type Load struct {
	opts Options
	wg   sync.WaitGroup

	mu     sync.Mutex
	result Result
}

// Start begins a load that runs until ctx ends; a request under way is finished.
func Start(ctx context.Context, o Options) *Load {
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	l := &Load{opts: o, result: Result{Failures: Failures{}}}
	for range o.Clients {
		l.wg.Go(func() { l.client(ctx) })
	}
	return l
}

// Wait until all clients have ended, after the context did.
func (l *Load) Wait() Result {
	l.wg.Wait()
	return l.Result()
}

// Result so far.
func (l *Load) Result() Result {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.result
	r.Failures = maps.Clone(r.Failures)
	return r
}

func (l *Load) client(ctx context.Context) {
	request := "GET " + l.opts.Path + " HTTP/1.1\r\nHost: " + l.opts.Address + "\r\n"
	if l.opts.Short {
		request += "Connection: close\r\n"
	}
	request += "\r\n"
	for ctx.Err() == nil {
		conn, err := net.DialTimeout("tcp", l.opts.Address, l.opts.Timeout)
		if err != nil {
			l.failed("connect", err)
			pause(ctx, 10*time.Millisecond) // a refused connect costs nothing: do not spin
			continue
		}
		l.converse(ctx, conn, []byte(request))
		conn.Close()
	}
}

// converse sends requests on one connection until it ends.
func (l *Load) converse(ctx context.Context, conn net.Conn, request []byte) {
	r := bufio.NewReader(conn)
	for ctx.Err() == nil {
		conn.SetDeadline(time.Now().Add(l.opts.Timeout))
		if _, err := conn.Write(request); err != nil {
			l.failed("write", err)
			return
		}
		last, err := readResponse(r)
		if err != nil {
			l.failed("read", err)
			return
		}
		l.answered(last && !l.opts.Short)
		if last {
			return
		}
		d := l.opts.Pause
		if l.opts.Jitter {
			d = rand.N(d + 1)
		}
		pause(ctx, d)
	}
}

// readResponse reads a response and reports whether it is the connection's last.
func readResponse(r *bufio.Reader) (last bool, err error) {
	tp := textproto.NewReader(r)
	status, err := tp.ReadLine()
	if err != nil {
		return false, err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200 ") {
		return false, fmt.Errorf("status %q", status)
	}
	header, err := tp.ReadMIMEHeader()
	if err != nil {
		return false, err
	}
	length, err := strconv.Atoi(header.Get("Content-Length"))
	if err != nil {
		return false, errors.New("no content length")
	}
	if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
		return false, err
	}
	return strings.EqualFold(header.Get("Connection"), "close"), nil
}

func (l *Load) answered(reconnect bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.Requests++
	if reconnect {
		l.result.Reconnects++
	}
}

func (l *Load) failed(doing string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.result.Failures[doing+": "+Cause(err)]++
}

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
