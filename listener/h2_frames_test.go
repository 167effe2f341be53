package listener_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
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
		f.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return f.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, EndStream: end, EndHeaders: true, BlockFragment: f.block.Bytes(),
	})
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
