package runtime

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"sync"

	"github.com/echterhof/rockstar-tui/listener"
)

// errBodyGone is what a mounted handler gets that reads the request body after
// it has begun to stream its response, on HTTP/1.1.
var errBodyGone = errors.New("the request body cannot be read any more: the response is being sent")

// streamAfter is how many bytes of response are kept until it is streamed.
const streamAfter = 64 << 10

// mounted lets a plain http.Handler answer.
func mounted(ctx Context, h http.Handler) error {
	c, ok := ctx.(*exchangeContext)
	if !ok { // middleware has put its own Context around it
		h.ServeHTTP(ctx.ResponseWriter(), ctx.Request())
		return nil
	}
	if w, _, ok := listener.NetHTTP(c.x); ok {
		h.ServeHTTP(w, c.Request())
		return nil
	}
	return newMount(c).serve(h)
}

// mount is a plain http.Handler at work on an exchange of our own engine. The
// engine sends a response when its handler has returned; so that this one can
// flush and hijack, it runs in a goroutine of its own, and the engine's goes on
// as soon as there is something to send. Before that only the handler's
// goroutine touches the exchange, afterwards only the engine's does.
type mount struct {
	x       listener.Exchange
	request *http.Request
	body    *mountBody
	cancel  func()

	header http.Header
	status int
	buffer []byte

	release  chan struct{}  // closed when the engine may go on
	stream   *bufio.Writer  // nil until the response is streamed
	pipe     *io.PipeWriter // behind stream
	hijacked chan net.Conn
	handed   chan struct{} // closed when a hijacked connection is closed
	taken    bool
	failure  any // a panic of the handler before the engine went on
}

func newMount(c *exchangeContext) *mount {
	m := &mount{x: c.x, header: http.Header{}, release: make(chan struct{})}
	m.request = c.Request()
	m.body = &mountBody{r: m.request.Body}
	m.request.Body = m.body
	m.cancel, c.cancel = c.cancel, nil // the handler may outlast c
	return m
}

func (m *mount) serve(h http.Handler) error {
	go m.run(h)
	<-m.release
	if m.failure != nil {
		return fmt.Errorf("panic: %v", m.failure)
	}
	return nil
}

func (m *mount) run(h http.Handler) {
	defer m.end()
	h.ServeHTTP(m, m.request)
}

// end sends what is left. A response that is being sent when its handler panics
// is broken off, so that the client sees that it is not whole.
func (m *mount) end() {
	panicked := recover()
	defer m.cancel()
	switch {
	case m.taken:
	case m.stream != nil && panicked != nil:
		m.pipe.CloseWithError(fmt.Errorf("panic: %v", panicked))
	case m.stream != nil:
		m.stream.Flush()
		m.pipe.Close()
	case panicked == nil && hasTrailers(m.header):
		m.beginStream(false) // only a stream has trailers
		m.stream.Flush()
		m.pipe.Close()
	case panicked != nil:
		m.failure = fmt.Sprintf("%v\n%s", panicked, debug.Stack())
		close(m.release)
	default:
		m.commit()
		m.x.SetBody(m.buffer)
		close(m.release)
	}
}

func (m *mount) Header() http.Header { return m.header }

// WriteHeader sends informational responses at once.
func (m *mount) WriteHeader(status int) {
	switch {
	case m.status != 0 || m.taken || status == http.StatusSwitchingProtocols:
	case informational(status):
		listener.Inform(m.x, status, m.header)
	default:
		m.status = status
	}
}

func (m *mount) Write(p []byte) (int, error) {
	if m.taken {
		return 0, http.ErrHijacked
	}
	if m.status == 0 {
		m.status = http.StatusOK
	}
	if m.stream == nil {
		if len(m.buffer) == 0 {
			sniff(m.header, p)
		}
		m.buffer = append(m.buffer, p...)
		if len(m.buffer) < streamAfter {
			return len(p), nil
		}
		m.beginStream(false)
		return len(p), nil
	}
	return m.stream.Write(p)
}

// Flush sends what was written so far.
func (m *mount) Flush() {
	if m.taken {
		return
	}
	if m.stream == nil {
		m.beginStream(true)
		return
	}
	m.stream.Flush()
}

func (m *mount) commit() {
	if m.status == 0 {
		m.status = http.StatusOK
	}
	m.x.SetStatus(m.status)
	setHeaders(m.x, m.header)
}

// sendTrailers is called by the engine at the end of the body, when the handler
// has returned.
func (m *mount) sendTrailers() { setTrailers(m.x, m.header) }

// beginStream lets the engine go on, which from now on sends what is written.
func (m *mount) beginStream(atOnce bool) {
	m.commit()
	m.body.detach()
	if fast, ok := listener.FastHTTP(m.x); ok && atOnce {
		fast.Response.ImmediateHeaderFlush = true
	}
	var out *io.PipeReader
	out, m.pipe = io.Pipe()
	m.stream = bufio.NewWriter(m.pipe)
	m.x.SetBodyStream(&pipeEnd{PipeReader: out, end: m.sendTrailers, gone: m.cancel}, announced(m.header))
	close(m.release)
	m.stream.Write(m.buffer)
	m.buffer = nil
	if atOnce {
		m.stream.Flush()
	}
}

// Hijack gives the connection to the handler, as in net/http.
func (m *mount) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	fast, ok := listener.FastHTTP(m.x)
	if !ok || m.stream != nil || m.taken {
		return nil, nil, errors.New("hijack: the connection cannot be taken over any more")
	}
	m.taken = true
	m.hijacked, m.handed = make(chan net.Conn), make(chan struct{})
	conns, handed := m.hijacked, m.handed
	fast.HijackSetNoResponse(true)
	fast.Hijack(func(c net.Conn) { // runs when the engine is done, and may keep it as long as it runs
		conns <- c
		<-handed
	})
	close(m.release)
	c := &hijackedConn{Conn: <-conns, closed: handed}
	return c, bufio.NewReadWriter(bufio.NewReader(c), bufio.NewWriter(c)), nil
}

// hijackedConn is open until it is closed, whatever its handler does meanwhile.
type hijackedConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *hijackedConn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		err = c.Conn.Close()
		close(c.closed)
	})
	return err
}

// pipeEnd tells the handler that nobody reads its response any more.
type pipeEnd struct {
	*io.PipeReader
	end  func() // before the end of the body is seen
	gone func()
}

func (p *pipeEnd) Read(b []byte) (int, error) {
	n, err := p.PipeReader.Read(b)
	if err == io.EOF {
		p.end()
	}
	return n, err
}

func (p *pipeEnd) Close() error {
	err := p.PipeReader.Close()
	go p.gone() // it waits for the watch of the client
	return err
}

// mountBody is a request body that can be taken away from its reader.
type mountBody struct {
	mu   sync.Mutex
	r    io.ReadCloser
	gone bool
}

func (b *mountBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone {
		return 0, errBodyGone
	}
	return b.r.Read(p)
}

func (b *mountBody) Close() error { return nil }

func (b *mountBody) detach() {
	b.mu.Lock()
	b.gone = true
	b.mu.Unlock()
}
