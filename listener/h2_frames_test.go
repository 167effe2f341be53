package listener_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/echterhof/rockstar-tui/listener"
)

// framer is a client of HTTP/2 that does what it is told, frame by frame.
type framer struct {
	*http2.Framer
	conn  net.Conn
	t     testing.TB
	block bytes.Buffer
	enc   *hpack.Encoder
}

func (e *endpoint) dialFrames(secure bool) *framer {
	e.t.Helper()
	conn, err := net.Dial("tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	if secure {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	}
	e.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		e.t.Fatal(err)
	}
	f := &framer{Framer: http2.NewFramer(conn, conn), conn: conn, t: e.t}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.enc = hpack.NewEncoder(&f.block)
	f.WriteSettings()
	return f
}

// request sends the header of a request; fields are names and values.
func (f *framer) request(stream uint32, end bool, method string, fields ...string) error {
	f.block.Reset()
	fields = append([]string{":method", method, ":scheme", "http", ":path", "/", ":authority", "test"}, fields...)
	for i := 0; i < len(fields); i += 2 {
		f.encode(fields[i], fields[i+1])
	}
	return f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, EndStream: end, EndHeaders: true, BlockFragment: f.block.Bytes(),
	})
}

func (f *framer) encode(name, value string) {
	f.enc.WriteField(hpack.HeaderField{Name: name, Value: value})
}

// next is the next frame of a kind.
func next[T http2.Frame](f *framer) T {
	f.t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			f.t.Fatalf("read a frame: %v", err)
		}
		if wanted, ok := frame.(T); ok {
			return wanted
		}
	}
}

func TestMalformedRequestsAreResetBehindTheirAnswer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		e := start(t, keepAlive, echo)
		if e.SetTransport(listener.Transport{HTTP2: true}); secure {
			e.SetTransport(listener.Transport{TLS: serverTLS(t), HTTP2: true})
		}
		f := e.dialFrames(secure)
		// A client that changes the size of its table has the server begin its next
		// block of headers with that.
		f.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 1 << 16})
		stream := uint32(1)
		for _, fields := range [][]string{
			{"connection", "keep-alive"}, {"te", "trailers, deflate"}, {"keep-alive", "1"},
			{"transfer-encoding", "chunked"}, {"upgrade", "h2c"}, {"proxy-connection", "x"},
		} {
			f.request(stream, true, "GET", fields...)
			if header := next[*http2.MetaHeadersFrame](f); header.PseudoValue("status") != "400" || header.StreamID != stream {
				t.Errorf("%v: answered with %v", fields, header)
			}
			if data := next[*http2.DataFrame](f); data.StreamEnded() || !strings.Contains(string(data.Data()), "HTTP/2") {
				t.Errorf("%v: body %q, ended %v", fields, data.Data(), data.StreamEnded())
			}
			if reset := next[*http2.RSTStreamFrame](f); reset.ErrCode != http2.ErrCodeProtocol || reset.StreamID != stream {
				t.Errorf("%v: %v", fields, reset)
			}
			stream += 2
		}
		f.request(stream, true, "GET", "te", "trailers")
		if header := next[*http2.MetaHeadersFrame](f); header.PseudoValue("status") != "200" {
			t.Errorf("a good request on the same connection: %v", header)
		}
	}
}

func TestBadRequestsOfAHandlerAreNotReset(t *testing.T) {
	e := startH2C(t, keepAlive, func(x listener.Exchange) {
		x.SetStatus(400)
		x.WriteString(x.RequestHeader("Text"))
	})
	f := e.dialFrames(false)
	stream := uint32(1)
	for _, text := range []string{"no", strings.Repeat("n", 99), ""} {
		f.request(stream, true, "GET", "text", text)
		f.WritePing(false, [8]byte{byte(stream)})
		ended := false
		for pong := false; !pong || !ended; {
			switch frame, err := f.ReadFrame(); frame := frame.(type) {
			case nil:
				t.Fatal(err)
			case *http2.RSTStreamFrame:
				t.Fatalf("%q: %v", text, frame)
			case *http2.PingFrame:
				pong = true
			case *http2.DataFrame:
				ended = frame.StreamEnded()
			case *http2.MetaHeadersFrame:
				ended = frame.StreamEnded()
			}
		}
		stream += 2
	}
}

func TestLastOfRepeatedSettingsHolds(t *testing.T) {
	e := startH2C(t, keepAlive, hello)
	f := e.dialFrames(false)
	window := func(n uint32) http2.Setting { return http2.Setting{ID: http2.SettingInitialWindowSize, Val: n} }
	f.WriteSettings(window(100), http2.Setting{ID: 0xffff, Val: 1}, window(50), http2.Setting{ID: 0xffff, Val: 2}, window(3))
	f.request(1, true, "GET")
	if data := next[*http2.DataFrame](f); len(data.Data()) != 3 || data.StreamEnded() {
		t.Errorf("%q came through a window of 3 bytes", data.Data())
	}
}

func TestWrongSettingsEndTheConnectionThoughRepeated(t *testing.T) {
	e := startH2C(t, keepAlive, hello)
	f := e.dialFrames(false)
	f.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 7}, http2.Setting{ID: http2.SettingEnablePush, Val: 0})
	if away := next[*http2.GoAwayFrame](f); away.ErrCode != http2.ErrCodeProtocol {
		t.Errorf("told to leave with %v", away.ErrCode)
	}
}

func TestSmallBodyThatNobodyReadsResetsNothing(t *testing.T) {
	e := startH2C(t, keepAlive, hello)
	f := e.dialFrames(false)
	f.request(1, false, "POST", "content-length", "4")
	f.WriteData(1, true, []byte("body"))
	f.request(3, false, "POST", "content-length", "4")
	f.WriteData(3, true, []byte("too long"))
	for ended, reset := false, false; !ended || !reset; {
		switch frame, err := f.ReadFrame(); frame := frame.(type) {
		case nil:
			t.Fatal(err)
		case *http2.DataFrame:
			ended = ended || frame.StreamID == 1 && frame.StreamEnded()
		case *http2.RSTStreamFrame:
			reset = true
			if frame.StreamID != 3 || frame.ErrCode != http2.ErrCodeProtocol {
				t.Errorf("%v", frame)
			}
		}
	}
}

// farewell is what a client sees of a connection that ends, while it goes on
// asking.
type farewell struct {
	mu       sync.Mutex
	answers  map[uint32]string
	last     uint32        // of the final GOAWAY
	told     chan struct{} // closed when the first GOAWAY was acknowledged
	decided  chan struct{} // closed at the final one
	finished chan struct{} // closed at the end of the connection
}

// watch reads until the connection ends.
func (f *framer) watch() *farewell {
	w := &farewell{answers: map[uint32]string{}, told: make(chan struct{}), decided: make(chan struct{}), finished: make(chan struct{})}
	go func() {
		defer close(w.finished)
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			w.see(f, frame)
		}
	}()
	return w
}

func (w *farewell) see(f *framer, frame http2.Frame) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch frame := frame.(type) {
	case *http2.PingFrame:
		f.WritePing(true, frame.Data)
		close(w.told)
	case *http2.GoAwayFrame:
		if frame.LastStreamID < 1<<31-1 {
			w.last = frame.LastStreamID
			close(w.decided)
		}
	case *http2.DataFrame:
		w.answers[frame.StreamID] += string(frame.Data())
	}
}

// A client that does not see that it must leave goes on asking, at any moment.
// What it asks up to the request that the final GOAWAY names is answered, however
// late its body comes, and what it asks afterwards is not even looked at.
func TestRequestsAtAnyMomentOfADrainAreServedOrUntouched(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			t.Parallel()
			requestsDuringDrain(t, secure)
		})
	}
}

func requestsDuringDrain(t *testing.T, secure bool) {
	var handled sync.Map
	e := start(t, keepAlive, func(x listener.Exchange) {
		handled.Store(x.RequestHeader("Who"), true)
		echo(x)
	})
	if e.SetTransport(listener.Transport{HTTP2: true}); secure {
		e.SetTransport(listener.Transport{TLS: serverTLS(t), HTTP2: true})
	}
	var clients sync.WaitGroup
	var served, refused atomic.Int64
	begin := make(chan struct{})
	for i := range 20 {
		f := e.dialFrames(secure)
		next[*http2.SettingsFrame](f)
		f.request(1, true, "GET", "who", "first")
		next[*http2.DataFrame](f)
		clients.Go(func() {
			<-begin
			w := f.watch()
			stream := uint32(1)
			for asking := true; asking && stream < 2000; {
				stream += 2
				var wrote error
				w.mu.Lock() // writing is not safe for two
				wrote = f.request(stream, false, "POST", "who", fmt.Sprint(i, " ", stream))
				w.mu.Unlock()
				pause(rand.N(3 * time.Millisecond))
				w.mu.Lock()
				f.WriteData(stream, true, []byte("body"))
				w.mu.Unlock()
				select {
				case <-w.decided:
					asking = false
				case <-w.finished:
					asking = false
				case <-time.After(rand.N(120 * time.Millisecond)):
					// now and then longer than the grace, so that the end comes
					if rand.N(4) == 0 {
						pause(rand.N(300 * time.Millisecond))
					}
				}
				if wrote != nil {
					break
				}
			}
			<-w.finished
			for id := uint32(3); id <= stream; id += 2 {
				_, seen := handled.Load(fmt.Sprint(i, " ", id))
				switch {
				case id <= w.last && w.answers[id] != "POST / body":
					t.Errorf("client %d: request %d of %d was answered %q", i, id, w.last, w.answers[id])
				case id > w.last && (seen || w.answers[id] != ""):
					t.Errorf("client %d: request %d after the last one, %d, was handled", i, id, w.last)
				case id <= w.last:
					served.Add(1)
				default:
					refused.Add(1)
				}
			}
		})
	}
	close(begin)
	if forced, err := e.Drain(within(t, 20*time.Second)); err != nil || forced > 0 {
		t.Errorf("drain: %d forced, %v", forced, err)
	}
	clients.Wait()
	t.Logf("%d served, %d refused", served.Load(), refused.Load())
}

func pause(d time.Duration) { <-time.After(d) }

// A client that begins request after request, though it has read that it must
// leave, is served as long as the next one comes soon.
func TestLateRequestsProlongTheGrace(t *testing.T) {
	for range 10 {
		if lateRequests(t) {
			return
		}
	}
	t.Skip("the machine is too busy to begin requests in time")
}

// lateRequests is false if the requests did not begin in time.
func lateRequests(t *testing.T) (inTime bool) {
	e := startH2C(t, keepAlive, echo)
	f := e.dialFrames(false)
	next[*http2.SettingsFrame](f)
	f.request(1, true, "GET")
	next[*http2.DataFrame](f)
	w := f.watch()
	go e.Drain(within(t, 10*time.Second))
	<-w.told
	stream, before := uint32(1), time.Now()
	for range 6 {
		stream += 2
		pause(60 * time.Millisecond)
		if time.Since(before) > 110*time.Millisecond {
			return false
		}
		before = time.Now()
		w.mu.Lock()
		f.request(stream, true, "POST")
		w.mu.Unlock()
	}
	<-w.finished
	if w.last != stream {
		t.Errorf("the last request that was served is %d, want %d", w.last, stream)
	}
	return true
}
