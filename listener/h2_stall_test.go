package listener_test

import (
	"bytes"
	"errors"
	"io"
	"net"

	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/http2"

	"github.com/echterhof/rockstar-tui/listener"
)

// stall is how long a client of these tests may make no progress.
const stall = 700 * time.Millisecond

var stallLimits = listener.Limits{KeepAlive: true, Read: stall, ReadHeader: stall, Write: stall}

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// large answers with more than any window or queue holds, and counts those that
// have not been given up.
func large(handling *atomic.Int64) listener.Handler {
	return func(x listener.Exchange) {
		handling.Add(1)
		x.SetBodyStream(&counted{io.LimitReader(zero{}, 64<<20), handling}, 64<<20)
	}
}

type counted struct {
	io.Reader
	open *atomic.Int64
}

func (c *counted) Close() error { c.open.Add(-1); return nil }

func window(n uint32) http2.Setting {
	return http2.Setting{ID: http2.SettingInitialWindowSize, Val: n}
}

// A client whose window has no room for even a small response is waited for no
// longer than for any other.
func TestClientWithoutAWindowIsNotWaitedFor(t *testing.T) {
	e := startH2C(t, stallLimits, hello)
	f := e.dialFrames(false)
	f.WriteSettings(window(0))
	f.request(1, true, "GET")
	f.request(3, true, "GET")
	for range 2 {
		if reset := next[*http2.RSTStreamFrame](f); reset.ErrCode != http2.ErrCodeCancel {
			t.Errorf("reset with %v", reset.ErrCode)
		}
	}
	e.wantGauges(0, 1)
	f.WriteSettings(window(100))
	f.request(5, true, "GET")
	if status, body := f.answer(5); status != "200" || body != "hello" {
		t.Errorf("the connection goes on with %s %q", status, body)
	}
	if got := e.Counters().Load(); got.TimedOut != 2 || got.Accepted != 1 {
		t.Errorf("%d timed out, want 2; %d connections", got.TimedOut, got.Accepted)
	}
}

// Windows of streams that are wide open do not help where that of the connection
// is closed.
func TestClientThatClosesTheConnectionsWindowHoldsNoHandler(t *testing.T) {
	var handling atomic.Int64
	e := startH2C(t, stallLimits, large(&handling))
	f := e.dialFrames(false)
	f.WriteSettings(window(1 << 30))
	for i := range uint32(20) {
		f.request(1+2*i, true, "GET")
	}
	reset := map[uint32]bool{}
	for len(reset) < 20 {
		reset[next[*http2.RSTStreamFrame](f).StreamID] = true
	}
	eventually(t, "every handler is released", func() bool { return handling.Load() == 0 })
	e.wantGauges(0, 1)
	eventually(t, "all is counted", func() bool { n := e.Counters().Load(); return n.TimedOut == 20 && n.Failures.Client == 20 })
}

func TestClientThatNeverReadsHoldsNoHandler(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		var handling atomic.Int64
		e := start(t, stallLimits, large(&handling))
		if e.SetTransport(listener.Transport{HTTP2: true}); secure {
			e.SetTransport(listener.Transport{TLS: serverTLS(t), HTTP2: true})
		}
		f := e.dialFrames(secure)
		f.WriteSettings(window(1 << 30))
		f.WriteWindowUpdate(0, 1<<30)
		for i := range uint32(20) {
			f.request(1+2*i, true, "GET")
		}
		eventually(t, "the handlers run", func() bool { return e.Counters().Requests.Load() == 20 })
		eventually(t, "every handler is released", func() bool { return handling.Load() == 0 })
		e.wantGauges(0, 0)
		if got := e.Counters().Load(); got.TimedOut != 1 {
			t.Errorf("TLS %v: %d timed out, want the connection", secure, got.TimedOut)
		}
	}
}

// events is a handler that is silent for much longer than the limits of these
// tests, then goes on.
func events(x listener.Exchange) {
	w, r, _ := listener.NetHTTP(x)
	for range 3 {
		io.WriteString(w, "data: x\n\n")
		http.NewResponseController(w).Flush()
		select {
		case <-time.After(2 * stall):
		case <-r.Context().Done():
			return
		}
	}
}

func TestSilentHandlersAreNotTheClientsFault(t *testing.T) {
	t.Parallel()
	limits := stallLimits
	limits.MinRate, limits.MinRateGrace = 1000, stall
	want := strings.Repeat("data: x\n\n", 3)
	e := startH2C(t, limits, events)
	if _, body := fetch(t, h2Client(t), "GET", "http://"+e.addr+"/", ""); body != want {
		t.Errorf("HTTP/2: %q", body)
	}
	s, sockets := startQUIC(t, limits, events)
	if status, body := newH3Client(t, sockets.Addr()).must("GET", "/", nil); status != 200 || body != want {
		t.Errorf("HTTP/3: %d %q", status, body)
	}
	if a, b := e.Counters().Load(), s.Counters().Load(); a.TimedOut+b.TimedOut != 0 {
		t.Errorf("%d and %d timed out", a.TimedOut, b.TimedOut)
	}
}

// A download that takes several times the write timeout lives as long as the
// client takes something now and then.
func TestSlowDownloadsLive(t *testing.T) {
	t.Parallel()
	const size = 2 << 20
	e := startH2C(t, stallLimits, func(x listener.Exchange) { x.SetBodyStream(io.LimitReader(zero{}, size), size) })
	f := e.dialFrames(false)
	f.request(1, true, "GET")
	begun, got := time.Now(), 0
	for done := false; !done; {
		data := next[*http2.DataFrame](f)
		got += len(data.Data())
		if done = data.StreamEnded(); !done && got%(3<<15) < len(data.Data()) {
			pause(stall / 8)
		}
		f.WriteWindowUpdate(0, uint32(len(data.Data())))
		f.WriteWindowUpdate(1, uint32(len(data.Data())))
	}
	if took := time.Since(begun); got != size || took < 2*stall {
		t.Errorf("%d bytes in %v", got, took)
	}
	if n := e.Counters().TimedOut.Load(); n != 0 {
		t.Errorf("%d timed out", n)
	}
}

func TestTricklingClientsAreEnded(t *testing.T) {
	t.Parallel()
	limits := stallLimits
	limits.MinRate, limits.MinRateGrace = 10_000, stall
	var handling atomic.Int64
	e := startH2C(t, limits, large(&handling))
	f := e.dialFrames(false)
	f.WriteSettings(window(10))
	f.request(1, true, "GET")
	ended := make(chan struct{})
	go func() { // it always makes progress
		for {
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
				f.WriteWindowUpdate(1, 10)
			}
		}
	}()
	next[*http2.RSTStreamFrame](f)
	close(ended)
	eventually(t, "the handler is released", func() bool { return handling.Load() == 0 })
}

// upload sends a body in pieces, and after the last one nothing until it is closed,
// if end is there.
type upload struct {
	pieces int
	end    chan struct{}
	once   sync.Once
}

func (u *upload) Close() error {
	if u.end != nil {
		u.once.Do(func() { close(u.end) })
	}
	return nil
}

func (u *upload) Read(p []byte) (int, error) {
	if u.pieces == 0 {
		if u.end != nil {
			<-u.end
		}
		return 0, io.EOF
	}
	u.pieces--
	time.Sleep(stall / 8)
	return copy(p, "piece"), nil
}

func TestSlowUploadsLiveAndStalledOnesEnd(t *testing.T) {
	t.Parallel()
	e := startH2C(t, stallLimits, echo)
	_, sockets := startQUIC(t, stallLimits, echo)
	h3 := newH3Client(t, sockets.Addr())
	h2 := h2Client(t)
	post := map[string]func(io.Reader) (int, string, error){
		"HTTP/3": func(body io.Reader) (int, string, error) { return h3.do("POST", "/", body) },
		"HTTP/2": func(body io.Reader) (int, string, error) {
			resp, err := h2.Post("http://"+e.addr+"/", "text/plain", body)
			if err != nil {
				return 0, "", err
			}
			defer resp.Body.Close()
			got, err := io.ReadAll(resp.Body)
			return resp.StatusCode, string(got), err
		},
	}
	for protocol, do := range post {
		if status, body, err := do(&upload{pieces: 24}); status != 200 || body != "POST / "+strings.Repeat("piece", 24) {
			t.Errorf("%s: a slow one: %d %q, %v", protocol, status, body, err)
		}
		stalled := &upload{pieces: 2, end: make(chan struct{})}
		if status, _, err := do(stalled); status != http.StatusRequestTimeout {
			t.Errorf("%s: a stalled one: %d, %v", protocol, status, err)
		}
	}
}

// A handler that looks at its request body late does not make the client slow.
func TestBodiesThatNobodyWaitsForHaveTime(t *testing.T) {
	t.Parallel()
	e := startH2C(t, stallLimits, func(x listener.Exchange) {
		time.Sleep(3 * stall)
		echo(x)
	})
	f := e.dialFrames(false)
	f.request(1, false, "POST")
	pause(2 * stall)
	f.WriteData(1, true, []byte("body"))
	if status, body := f.answer(1); status != "200" || body != "POST / body" {
		t.Errorf("%s %q", status, body)
	}
}

func TestHTTP3ClientThatNeverReadsHoldsNoHandler(t *testing.T) {
	var handling atomic.Int64
	s, sockets := startQUIC(t, stallLimits, large(&handling))
	c := dialRawH3(t, sockets.Addr().String())
	for range 20 {
		stream := c.open(t)
		stream.Write(headersH3(":method=GET\n:scheme=https\n:path=/\n:authority=test"))
		stream.Close()
	}
	eventually(t, "the handlers run", func() bool { return s.Counters().Requests.Load() == 20 })
	eventually(t, "every handler is released", func() bool { return handling.Load() == 0 })
	eventually(t, "all is counted", func() bool {
		n := s.Counters().Load()
		return n.TimedOut == 20 && n.Failures.Client == 20 && n.Active == 0
	})
}

// read_header bounds a header on HTTP/2 from its first byte, and the client's
// settings, with which a connection begins.
func TestReadHeaderBoundsHTTP2(t *testing.T) {
	t.Parallel()
	preface, settings := http2.ClientPreface, "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	get := "\x82\x86\x84\x01\x01a"
	for name, sent := range map[string]string{
		"half a preface":                   preface[:9],
		"no settings":                      preface,
		"half of the settings":             preface + "\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04",
		"half a frame's header":            preface + settings + "\x00\x00\x06\x01",
		"half a header":                    preface + settings + "\x00\x00\x06\x01\x05\x00\x00\x00\x01\x82",
		"a header that does not end":       preface + settings + "\x00\x00\x06\x01\x01\x00\x00\x00\x01" + get,
		"a continuation that does not end": preface + settings + "\x00\x00\x03\x01\x01\x00\x00\x00\x01" + get[:3] + "\x00\x00\x01\x09\x00\x00\x00\x00\x01" + get[3:4],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := stallLimits
			limits.Idle = time.Hour
			e := startH2C(t, limits, hello)
			c := e.dial()
			c.send(sent)
			begun := time.Now()
			got, err := io.ReadAll(c.r)
			if took := time.Since(begun); err != nil || took > 5*time.Second {
				t.Errorf("ended after %v with %v", took, err)
			}
			if len(sent) > len(preface) && !bytes.Contains(got, []byte("\x00\x00\x08\x07\x00\x00\x00\x00\x00")) {
				t.Errorf("no GOAWAY in %q", got)
			}
			e.wantGauges(0, 0)
			if n := e.Counters().TimedOut.Load(); n != 1 {
				t.Errorf("%d timed out, want 1", n)
			}
		})
	}
}

// Between requests a client of HTTP/2 has as long as idle says.
func TestReadHeaderDoesNotBoundIdleHTTP2Connections(t *testing.T) {
	t.Parallel()
	e := startH2C(t, stallLimits, hello)
	f := e.dialFrames(false)
	for stream := uint32(1); stream < 7; stream += 2 {
		f.request(stream, true, "GET")
		if status, _ := f.answer(stream); status != "200" {
			t.Errorf("status %s", status)
		}
		pause(2 * stall)
	}
}

// A request may have a time of its own, longer or shorter than the server's.
func TestWriteTimeoutOfOneRequestOverHTTP2(t *testing.T) {
	t.Parallel()
	short, long := stall, time.Hour
	for _, row := range []struct {
		server, own time.Duration
		ends        bool
	}{{long, short, true}, {short, long, false}, {short, 0, false}} {
		var handling atomic.Int64
		limits := stallLimits
		limits.Write = row.server
		e := startH2C(t, limits, func(x listener.Exchange) {
			listener.SetTimeouts(x, &listener.Timeouts{Write: &row.own})
			large(&handling)(x)
		})
		f := e.dialFrames(false)
		f.request(1, true, "GET")
		eventually(t, "the handler runs", func() bool { return handling.Load() == 1 })
		if row.ends {
			eventually(t, "the handler is released", func() bool { return handling.Load() == 0 })
			continue
		}
		pause(4 * stall)
		if handling.Load() != 1 || e.Counters().TimedOut.Load() != 0 {
			t.Errorf("%v under a server's %v: the request was ended", row.own, row.server)
		}
	}
}

func TestReadHeaderBoundsHTTP3(t *testing.T) {
	t.Parallel()
	s, sockets := startQUIC(t, stallLimits, hello)
	c := dialRawH3(t, sockets.Addr().String())
	head := headersH3(":method=GET\n:scheme=https\n:path=/\n:authority=test")
	whole := c.open(t)
	whole.Write(head)
	whole.Close()
	if answer, err := io.ReadAll(whole); err != nil || !strings.Contains(string(answer), "hello") {
		t.Fatalf("a whole one: %q, %v", answer, err)
	}
	half := c.open(t)
	half.Write(head[:len(head)/2])
	half.SetReadDeadline(time.Now().Add(10 * time.Second))
	var reset *quic.StreamError
	if _, err := io.ReadAll(half); !errors.As(err, &reset) {
		t.Errorf("half a header: %v", err)
	}
	eventually(t, "it is counted", func() bool { return s.Counters().TimedOut.Load() == 1 })
	if n := s.Counters().Load(); n.Requests != 1 {
		t.Errorf("%d requests", n.Requests)
	}
}

// A stream on which both sides take turns is silent as long as they like.
func TestConversationsMayPause(t *testing.T) {
	t.Parallel()
	limits := stallLimits
	limits.MinRate, limits.MinRateGrace = 1000, stall
	e := startH2C(t, limits, func(x listener.Exchange) {
		listener.Converse(x)
		w, r, _ := listener.NetHTTP(x)
		for buf := make([]byte, 100); ; {
			n, err := r.Body.Read(buf)
			if err != nil {
				return
			}
			w.Write(buf[:n])
			http.NewResponseController(w).Flush()
		}
	})
	f := e.dialFrames(false)
	f.request(1, false, "POST")
	for range 2 {
		pause(3 * stall)
		f.WriteData(1, false, []byte("hi"))
		if data := next[*http2.DataFrame](f); string(data.Data()) != "hi" {
			t.Errorf("%q", data.Data())
		}
	}
	f.WriteData(1, true, nil)
	if data := next[*http2.DataFrame](f); !data.StreamEnded() || e.Counters().TimedOut.Load() != 0 {
		t.Errorf("ended %v, %d timed out", data.StreamEnded(), e.Counters().TimedOut.Load())
	}
}

// A client that reads slowly what it has large windows for makes progress all the
// time, though a write of the server may wait longer than it may take.
func TestSlowReadersOfHTTP2Live(t *testing.T) {
	t.Parallel()
	const size = 6 << 20
	e := startH2C(t, stallLimits, func(x listener.Exchange) { x.SetBodyStream(io.LimitReader(zero{}, size), size) })
	f := e.dialFrames(false)
	f.conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	f.WriteSettings(window(1 << 30))
	f.WriteWindowUpdate(0, 1<<30)
	f.request(1, true, "GET")
	begun, got := time.Now(), 0
	for done := false; !done; {
		data := next[*http2.DataFrame](f)
		if got += len(data.Data()); got%(1<<17) < len(data.Data()) {
			pause(stall / 16)
		}
		done = data.StreamEnded()
	}
	if took := time.Since(begun); got != size || took < 2*stall {
		t.Errorf("%d bytes in %v", got, took)
	}
	if n := e.Counters().TimedOut.Load(); n != 0 {
		t.Errorf("%d timed out", n)
	}
}
