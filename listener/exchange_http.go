package listener

import (
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/internal/httpsyntax"
)

// NetHTTP gives the response writer and the request behind an Exchange that an
// engine of net/http's kind carries (HTTP/2, HTTP/3, and HTTP/1.1 where
// [Server.SetNetHTTP] asks for it), for handlers that speak it. What they write
// is sent as they write it; limits and timeouts hold.
func NetHTTP(x Exchange) (http.ResponseWriter, *http.Request, bool) {
	n, ok := x.(*netExchange)
	if !ok {
		return nil, nil, false
	}
	if n.on.one != nil {
		return h1Writer{(*netWriter)(n)}, n.r, true
	}
	n.findBody()
	return (*netWriter)(n), n.r, true
}

// Converse tells that client and handler take turns on the request of x for as
// long as they like, as a stream of gRPC does: a client that is silent meanwhile
// owes nothing of its body. Of the limits on receiving it only Request is left.
// Over HTTP/1.1 it has no effect.
func Converse(x Exchange) {
	if n, ok := x.(*netExchange); ok {
		n.converses.Store(true)
	}
}

// streams are the requests open on one connection that carries several at a
// time. It is the handler of the engine behind that connection: it counts each
// request, gives it its limits and its clock, and calls the server's handler.
type streams struct {
	s             *Server
	requests      *atomic.Uint64 // begun on the connection
	remote, local net.Addr
	// prepare completes a request before it is handled; may be nil.
	prepare func(*http.Request)
	// last is called when the request that begins is to be the last one of the
	// connection; may be nil.
	last func()
	// wasted is called for a request that is refused for its header; may be nil.
	wasted func()
	// stalled reports whether the connection has just ended requests whose client
	// takes nothing; may be nil.
	stalled func() bool
	// forced says whether the connection was ended from our side, with requests
	// open, which is no fault of any of them; may be nil.
	forced func() bool
	// one is the connection if it carries one request at a time; else nil.
	one *netH1

	mu   sync.Mutex
	open map[*netExchange]struct{}
}

// ServeHTTP answers one request. It panics with http.ErrAbortHandler where the
// response cannot be completed, upon which the engine resets the stream.
func (m *streams) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := m.begin(w, r)
	defer m.end(x)
	if x.verdict == 0 {
		if r.ProtoMajor == 3 && strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
			w.WriteHeader(http.StatusContinue) // which the engine of HTTP/3 leaves to us
			r.Header.Del("Expect")
		}
		x.call()
	}
	if x.stream == nil { // which may be the body itself
		x.body.end()
	}
	x.finish()
	x.complete = true
}

func (m *streams) begin(w http.ResponseWriter, r *http.Request) *netExchange {
	if m.prepare != nil {
		m.prepare(r)
	}
	now := ticks()
	x := &netExchange{w: w, r: r, on: m, method: r.Method, target: r.RequestURI, started: now, status: http.StatusOK}
	x.since.Store(now)
	limits := m.s.limits.Load()
	if m.one != nil {
		m.one.began(x)
	} else {
		m.requests.Add(1)
		m.s.counters.Requests.Add(1)
		x.verdict = malformedHead(r)
	}
	if x.verdict == 0 && headerBytes(r) > limits.MaxHeaderBytes {
		x.verdict = statusHeaderTooLarge
	}
	switch {
	case x.verdict != 0 && m.wasted != nil:
		m.wasted()
	case x.verdict == 0 && limits.MaxRequestBytes > 0 && r.ContentLength > limits.MaxRequestBytes:
		x.verdict = statusBodyTooLarge
	}
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		x.bodyRead.Store(true)
	} else {
		x.body.x, x.body.r, x.body.engines = x, r.Body, r
		x.r = r.WithContext(r.Context()) // the engine goes on with its own
		x.r.Body = &x.body
		if x.r.Trailer = maps.Clone(r.Trailer); x.r.Trailer == nil && r.ContentLength < 0 {
			x.r.Trailer = http.Header{} // copies of the request see what comes into it
		}
	}
	if m.last != nil && !limits.KeepAlive {
		m.last()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.open == nil {
		m.open = map[*netExchange]struct{}{}
	}
	m.open[x] = struct{}{}
	return x
}

// malformedHead is the status to refuse a request with, 0 for none. A Host field
// beside the authority must say the same (RFC 9113, 8.3.1, and RFC 9114, 4.3.1).
// The one host that is left is r.Host: a second one in the header would be
// forwarded, and so would that of an absolute target, which only HTTP/1.1 has.
func malformedHead(r *http.Request) int {
	hosts := r.Header["Host"]
	switch {
	case len(hosts) > 1 || len(hosts) == 1 && !httpsyntax.SameHost(hosts[0], r.Host) || r.Host == "":
		return statusBadRequest
	case r.Method != http.MethodConnect && r.RequestURI[0] != '/' && r.RequestURI != "*":
		return statusBadRequest
	case hasConnectionFields(r):
		return statusBadRequest
	}
	delete(r.Header, "Host")
	return httpsyntax.Refusal(r.Method, r.RequestURI, r.Host)
}

// headerBytes is about what the header would take in HTTP/1.1.
func headerBytes(r *http.Request) int {
	n := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			n += len(name) + len(v) + len(": \r\n")
		}
	}
	return n
}

func (m *streams) end(x *netExchange) {
	m.mu.Lock()
	delete(m.open, x)
	m.mu.Unlock()
	x.mu.Lock()
	x.over = true
	x.mu.Unlock()
	x.body.end()
	x.settle()
	if m.one == nil { // which observes it itself
		m.s.counters.observe(time.Duration(ticks() - x.started))
	}
}

// settle blames a request that failed on somebody, unless that was done. A
// response that was broken off counts as the server's failure where the client
// still is there.
func (x *netExchange) settle() {
	switch {
	case x.verdict != 0 || x.late.Load() || x.r.Context().Err() != nil && x.on.stalled != nil && x.on.stalled():
		x.blame(FaultClient)
	case x.on.wasForced():
	case x.undelivered || x.r.Context().Err() != nil:
		x.blame(FaultCanceled)
	case x.status >= 500 || !x.complete:
		x.blame(FaultServer)
	}
}

func (m *streams) wasForced() bool { return m.forced != nil && m.forced() }

func (x *netExchange) setTimeouts(t *Timeouts) {
	if one := x.on.one; one != nil {
		one.timeouts.Store(t)
		return
	}
	x.timeouts.Store(t)
}

func (x *netExchange) blame(f Fault) {
	if one := x.on.one; one != nil {
		one.blame(f)
		return
	}
	x.blamed.set(f, x.on.s.counters)
}

// sweep ends the requests that have taken longer than the limits allow. It is
// called by the sweeper and does not block.
func (m *streams) sweep(limits *effectiveLimits, now int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for x := range m.open {
		x.consider(limits, now)
	}
}

// loosest is limits with the longest Write that any open request has for itself:
// what does not know whose frames it sees must not end them earlier.
func (m *streams) loosest(limits *Limits) *Limits {
	m.mu.Lock()
	defer m.mu.Unlock()
	for x := range m.open {
		own := limits.under(x.timeouts.Load())
		if own != limits && limits.Write > 0 && (own.Write == 0 || own.Write > limits.Write) {
			loose := *limits
			loose.Write, limits = own.Write, &loose
		}
	}
	return limits
}

// netExchange is an Exchange over a pair of net/http.
type netExchange struct {
	looked bool // whether there is a body, see findBody
	w      http.ResponseWriter
	r      *http.Request
	on     *streams

	method, target string // of r as it came
	started        int64
	since          atomic.Int64 // of the present phase: request body, then response
	// bodyRead is set when the request was read to its end, or its time was over.
	bodyRead atomic.Bool
	slow     atomic.Bool // its body took too long
	late     atomic.Bool // its response took too long
	// converses is set while nobody has to send anything at a certain time.
	converses atomic.Bool
	// reading is the wait for the request body, writing that for the client to take
	// the response. Over HTTP/2 the frames tell of the latter, unless the request has
	// a time of its own.
	reading, writing pace
	timeouts         atomic.Pointer[Timeouts] // nil for the server's

	// mu is held while a deadline is set from outside: over means that the
	// handler has returned and w must not be touched.
	mu   sync.Mutex
	over bool

	body    netBody
	blamed  blamed
	verdict int
	status  int
	sent    bool // the response header is on its way
	quic    quicAnswer
	// hijacked says that the connection is the handler's, duplex that it wants to
	// answer before it reads.
	hijacked, duplex bool
	named            bool // as one that may last
	// complete says that nothing kept the response from being sent whole.
	complete bool
	// undelivered says that something of it could not be written.
	undelivered bool
	muted       bool // the verdict is sent instead of what the handler writes
	out         []byte
	raw         []byte
	stream      io.Reader
	size        int64
}

func (x *netExchange) consider(server *effectiveLimits, now int64) {
	limits, read := server.under(x.timeouts.Load()), x.bodyRead.Load()
	whole := read && limits.Response > 0 && time.Duration(now-x.since.Load()) >= limits.Response
	switch {
	case !read && x.bodyLate(limits, now) && !x.slow.Swap(true):
		x.on.s.counters.TimedOut.Add(1)
		x.bodyDone() // if the handler is busy with something else, Response bounds it
		go x.expire((*http.ResponseController).SetReadDeadline)
	case whole || x.writing.late(limits, limits.Write, now):
		if !x.late.Swap(true) {
			if whole && x.writing.since.Load() == 0 {
				x.blame(FaultServer)
			}
			x.on.s.counters.TimedOut.Add(1)
			go x.expire((*http.ResponseController).SetWriteDeadline)
		}
	}
}

func (x *netExchange) bodyLate(limits *Limits, now int64) bool {
	return !x.converses.Load() && x.reading.late(limits, limits.Read, now) || limits.Request > 0 && time.Duration(now-x.started) >= limits.Request
}

// expire sets a deadline that has passed, unless the request is over.
func (x *netExchange) expire(set func(*http.ResponseController, time.Time) error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.over {
		set(http.NewResponseController(x.w), past)
	}
}

func (x *netExchange) bodyDone() {
	if x.bodyRead.Swap(true) {
		return
	}
	x.since.Store(ticks())
	if x.on.one != nil {
		x.on.one.conn.bodyDone()
	}
}

// findBody finds out whether a request of HTTP/3 has a body, which its engine does
// not tell, when somebody asks for it. Where one would be unusual, nobody minds to
// wait for the end of the stream or the first byte.
func (x *netExchange) findBody() {
	if x.looked || x.r.ProtoMajor != 3 || x.r.ContentLength >= 0 || x.bodyRead.Load() {
		return
	}
	x.looked = true
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions, http.MethodTrace:
	default:
		return
	}
	if x.body.readAhead(1); len(x.body.ahead) == 0 && x.body.aheadErr == io.EOF {
		x.r.Body, x.r.ContentLength, x.r.Trailer = http.NoBody, 0, nil
	}
	x.judge()
}

// judge takes over what was found to be wrong with the request while its body was
// read.
func (x *netExchange) judge() {
	if x.verdict == 0 {
		x.verdict = int(x.body.refused.Load())
	}
}

// call lets the handler answer. After a panic nothing of its answer is sent.
func (x *netExchange) call() {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if r == http.ErrAbortHandler {
			panic(r)
		}
		if x.hijacked {
			x.on.s.panickedFor(x.on.remote, r)
			return
		}
		x.on.s.panickedFor(x.on.remote, r)
		if x.sent {
			x.blame(FaultServer)
			panic(http.ErrAbortHandler)
		}
		clear(x.w.Header())
		x.stream, x.raw, x.out = nil, nil, []byte("internal server error\n")
		x.status = statusInternalError
	}()
	(*x.on.s.handler.Load())(x)
	x.skipBody()
}

// skipBody reads what the handler left of a small body, as HTTP/1.1 reads all of
// it beforehand. So it is known that the request was whole before it is
// answered, and the engine has no stream to reset behind a good response.
func (x *netExchange) skipBody() {
	x.checkBody()
	if left := x.r.ContentLength; left <= prefetched && !x.bodyRead.Load() && !x.sent && !x.hijacked && x.verdict == 0 && left > 0 {
		io.Copy(io.Discard, x.r.Body) // an error leaves its verdict
	}
	x.judge()
}

// checkBody reads what is left of a body when the response to it begins, on
// HTTP/1.1: that it is malformed must be seen before, whoever reads it, and the
// engine would throw it away. The handler may still read all of it. A handler
// that wants to answer first says so, see [http.ResponseController.EnableFullDuplex].
func (x *netExchange) checkBody() {
	asked := x.body.touched.Load() || x.r.Header.Get("Expect") == "" // else the client waits for a sign
	if x.on.one == nil || x.bodyRead.Load() || x.verdict != 0 || x.sent || x.hijacked || x.duplex || !asked ||
		x.r.ContentLength-x.body.n.Load() >= unreadMost {
		return
	}
	if !x.body.readAhead(unreadMost) {
		x.on.one.leaveUnread(x)
	}
	x.judge()
}

// finish sends what the handler left to be sent.
func (x *netExchange) finish() {
	defer x.closeStream()
	if x.hijacked {
		return
	}
	x.judge()
	switch {
	case x.sent && (x.verdict != 0 || x.late.Load()):
		panic(http.ErrAbortHandler)
	case x.verdict != 0:
		clear(x.w.Header())
		x.status = x.verdict
		x.sendBytes([]byte(verdicts[x.verdict]))
	case x.sent && x.r.ProtoMajor == 3 && x.r.Method != http.MethodHead && bodyAllowed(x.status) && x.quic.short():
		panic(http.ErrAbortHandler) // the end would look like that of a whole response
	case x.sent:
	case x.stream != nil:
		x.sendStream()
	case x.raw != nil:
		x.sendBytes(x.raw)
	default:
		x.sendBytes(x.out)
	}
}

func (x *netExchange) sendBytes(p []byte) {
	h := x.w.Header()
	if bodyAllowed(x.status) {
		if len(p) > 0 && h["Content-Type"] == nil {
			h.Set("Content-Type", "text/plain; charset=utf-8")
		}
		if len(p) > 0 || x.r.Method != http.MethodHead && h["Content-Length"] == nil {
			h.Set("Content-Length", strconv.Itoa(len(p)))
		}
	}
	x.responds()
	x.w.WriteHeader(x.status)
	if len(p) > 0 && x.r.Method != http.MethodHead && bodyAllowed(x.status) {
		x.write(p)
	}
}

// writePiece is how much is written at a time where only the return of a call
// tells that the client goes on taking something.
const writePiece = 16 << 10

// write gives p to the engine.
func (x *netExchange) write(p []byte) (n int, err error) {
	if x.r.ProtoMajor < 3 && x.timeouts.Load() == nil {
		return x.w.Write(p) // the frames tell
	}
	for first := true; err == nil && (first || len(p) > 0); first = false {
		piece := p[:min(len(p), writePiece)]
		p = p[len(piece):]
		x.writing.begin()
		var more int
		more, err = x.w.Write(piece)
		x.writing.end(more)
		n += more
	}
	return n, err
}

// responds is called before the header of the final response is written.
func (x *netExchange) responds() {
	if x.r.ProtoMajor == 3 {
		x.quic.begin(x.w.Header())
	}
	if x.on.one != nil {
		x.on.one.responds(x, x.w.Header())
	}
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// sendStream passes the body stream on. One of unknown size often is slow to
// come, so that each piece is sent at once.
func (x *netExchange) sendStream() {
	h := x.w.Header()
	if h["Content-Type"] == nil {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if x.size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(x.size, 10))
	}
	w := (*netWriter)(x)
	w.WriteHeader(x.status)
	if x.r.Method == http.MethodHead || !bodyAllowed(x.status) {
		return
	}
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	var err error
	if x.size >= 0 {
		var n int64
		n, err = io.CopyBuffer(writerOnly{w}, io.LimitReader(x.stream, x.size), buf[:])
		if err == nil && n < x.size {
			err = io.ErrUnexpectedEOF
		}
	} else {
		err = copyFlushing(w, x.stream, buf[:])
	}
	if err != nil {
		x.on.s.log.Debug("response ended early", "peer", x.on.remote, "error", err)
		panic(http.ErrAbortHandler)
	}
}

func copyFlushing(w http.ResponseWriter, r io.Reader, buf []byte) error {
	rc := http.NewResponseController(w)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			if err := rc.Flush(); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (x *netExchange) closeStream() {
	if c, ok := x.stream.(io.Closer); ok {
		c.Close()
	}
}

func (x *netExchange) Method() string     { return x.r.Method }
func (x *netExchange) RequestURI() string { return x.r.RequestURI }
func (x *netExchange) Path() string       { return x.r.URL.Path }
func (x *netExchange) Query() string      { return x.r.URL.RawQuery }
func (x *netExchange) Proto() string      { return x.r.Proto }
func (x *netExchange) Host() string       { return strings.ToLower(x.r.Host) }

func (x *netExchange) RawPath() string {
	path, _, _ := strings.Cut(x.r.RequestURI, "?")
	return path
}

func (x *netExchange) RequestHeader(name string) string {
	if strings.EqualFold(name, "Host") {
		return x.r.Host
	}
	return x.r.Header.Get(name)
}

func (x *netExchange) RequestHeaders(fn func(name, value string)) {
	if x.r.Host != "" {
		fn("Host", x.r.Host)
	}
	for name, values := range x.r.Header {
		for _, v := range values {
			fn(name, v)
		}
	}
}

func (x *netExchange) ContentLength() int64 {
	x.findBody()
	return x.r.ContentLength
}

func (x *netExchange) Body() io.Reader {
	x.findBody()
	if x.r.Body == nil {
		return http.NoBody
	}
	return x.r.Body
}

func (x *netExchange) RemoteAddr() net.Addr { return x.on.remote }
func (x *netExchange) LocalAddr() net.Addr  { return x.on.local }

func (x *netExchange) SetStatus(code int)           { x.status = code }
func (x *netExchange) Status() int                  { return x.status }
func (x *netExchange) SetHeader(name, value string) { x.w.Header().Set(name, value) }
func (x *netExchange) AddHeader(name, value string) { x.w.Header().Add(name, value) }

func (x *netExchange) Write(p []byte) (int, error) {
	x.out = append(x.takeRaw(), p...)
	return len(p), nil
}

func (x *netExchange) WriteString(s string) (int, error) {
	x.out = append(x.takeRaw(), s...)
	return len(s), nil
}

// takeRaw makes a body that was set the beginning of one that is written.
func (x *netExchange) takeRaw() []byte {
	if x.raw != nil {
		x.out, x.raw = append(x.out[:0], x.raw...), nil
	}
	return x.out
}

func (x *netExchange) SetBody(p []byte) {
	x.closeStream()
	x.raw, x.out, x.stream = p, x.out[:0], nil
}

func (x *netExchange) SetBodyStream(r io.Reader, size int64) {
	x.closeStream()
	x.stream, x.size, x.raw, x.out = r, size, nil, x.out[:0]
}
