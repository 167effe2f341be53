package listener_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/http2"

	"github.com/echterhof/rockstar-tui/listener"
)

// heads are requests by method, scheme, path and authority, and further fields.
// What is malformed must not reach a handler over HTTP/2 and HTTP/3 alike.
var heads = []struct {
	name   string
	fields string // name=value, one a line
	seen   string // what the handler sees; empty if it must see nothing
}{
	{"a request", ":method=GET\n:scheme=https\n:path=/x\n:authority=test", "GET /x of test, host fields []"},
	{"the same host twice", ":method=GET\n:scheme=https\n:path=/x\n:authority=test\nhost=test", "GET /x of test, host fields []"},
	{"host alone", ":method=GET\n:scheme=https\n:path=/x\nhost=test", "GET /x of test, host fields []"},
	{"asterisk", ":method=OPTIONS\n:scheme=https\n:path=*\n:authority=test", "OPTIONS * of test, host fields []"},

	{"another host", ":method=GET\n:scheme=https\n:path=/x\n:authority=pub.example\nhost=admin.internal", ""},
	{"another port", ":method=GET\n:scheme=https\n:path=/x\n:authority=test\nhost=test:81", ""},
	{"two hosts", ":method=GET\n:scheme=https\n:path=/x\nhost=test\nhost=admin.internal", ""},
	{"one host twice", ":method=GET\n:scheme=https\n:path=/x\n:authority=test\nhost=test\nhost=test", ""},
	{"no host", ":method=GET\n:scheme=https\n:path=/x", ""},
	{"empty host", ":method=GET\n:scheme=https\n:path=/x\n:authority=test\nhost=", ""},
	{"method with a target", ":method=GET /admin/delete?x=\n:scheme=https\n:path=/x\n:authority=test", ""},
	{"method that is no token", ":method=G(T\n:scheme=https\n:path=/x\n:authority=test", ""},
	{"blank in the path", ":method=GET\n:scheme=https\n:path=/p/x HTTP/1.0 y\n:authority=test", ""},
	{"blank in the query", ":method=GET\n:scheme=https\n:path=/p?x HTTP/1.0\n:authority=test", ""},
	{"fragment", ":method=GET\n:scheme=https\n:path=/admin#x\n:authority=test", ""},
	{"asterisk for GET", ":method=GET\n:scheme=https\n:path=*\n:authority=test", ""},
	{"absolute path", ":method=GET\n:scheme=https\n:path=http://admin.internal/x\n:authority=pub.example", ""},
	{"absolute path of the same host", ":method=GET\n:scheme=https\n:path=https://test/x\n:authority=test", ""},
	{"blank in the authority", ":method=GET\n:scheme=https\n:path=/x\n:authority=a b", ""},
	{"path in the authority", ":method=GET\n:scheme=https\n:path=/x\n:authority=a/b?c", ""},
	{"user in the authority", ":method=GET\n:scheme=https\n:path=/x\n:authority=u@a", ""},
	{"blank in the host", ":method=GET\n:scheme=https\n:path=/x\nhost=a b", ""},
	{"path in the host", ":method=GET\n:scheme=https\n:path=/x\nhost=a/b", ""},
	{"CONNECT", ":method=CONNECT\n:authority=test:443", ""},
}

// seeHead counts the requests that reach it, and answers with what it sees.
func seeHead(n *atomic.Int64) listener.Handler {
	return func(x listener.Exchange) {
		n.Add(1)
		_, r, _ := listener.NetHTTP(x)
		x.WriteString(x.Method() + " " + x.RequestURI() + " of " + x.Host() + ", host fields [" + strings.Join(r.Header["Host"], " ") + "]")
	}
}

func fieldsOf(head string) (fields [][2]string) {
	for line := range strings.SplitSeq(head, "\n") {
		name, value, _ := strings.Cut(line, "=")
		fields = append(fields, [2]string{name, value})
	}
	return fields
}

func TestMalformedHeadsOfHTTP2AreNotRouted(t *testing.T) {
	var handled atomic.Int64
	e := startH2C(t, keepAlive, seeHead(&handled))
	for _, row := range heads {
		f := e.dialFrames(false)
		before := handled.Load()
		f.send(1, true, row.fields)
		status, body := f.answer(1)
		switch {
		case row.seen != "" && (status != "200" || body != row.seen):
			t.Errorf("%s: %s %q, want %q", row.name, status, body, row.seen)
		case row.seen == "" && (handled.Load() != before || strings.HasPrefix(status, "2")):
			t.Errorf("%s: %s %q, handled %d times", row.name, status, body, handled.Load()-before)
		}
	}
}

// send sends the header of a request, of which each line is a field.
func (f *framer) send(stream uint32, end bool, head string) {
	f.t.Helper()
	f.block.Reset()
	for _, field := range fieldsOf(head) {
		f.encode(field[0], field[1])
	}
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndStream: end, EndHeaders: true, BlockFragment: f.block.Bytes()})
	if err != nil {
		f.t.Fatal(err)
	}
}

// answer is the status and the body of a response, or why its stream was reset.
func (f *framer) answer(stream uint32) (status, body string) {
	f.t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			f.t.Fatalf("read a frame: %v", err)
		}
		if frame.Header().StreamID != stream {
			continue
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			return frame.ErrCode.String(), body
		case *http2.MetaHeadersFrame:
			if status == "" {
				status = frame.PseudoValue("status")
			}
			if frame.StreamEnded() {
				return status, body
			}
		case *http2.DataFrame:
			if body += string(frame.Data()); frame.StreamEnded() {
				return status, body
			}
		}
	}
}

func TestMalformedHeadsOfHTTP3AreNotRouted(t *testing.T) {
	var handled atomic.Int64
	_, sockets := startQUIC(t, keepAlive, seeHead(&handled))
	c := dialRawH3(t, sockets.Addr().String())
	for _, row := range heads {
		before := handled.Load()
		stream := c.open(t)
		if _, err := stream.Write(headersH3(row.fields)); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		stream.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(stream)
		reset := (*quic.StreamError)(nil)
		switch {
		case err != nil && !errors.As(err, &reset):
			t.Fatalf("%s: %v", row.name, err)
		case row.seen != "" && !strings.Contains(string(answer), row.seen):
			t.Errorf("%s: %q, %v, want %q", row.name, answer, err, row.seen)
		case row.seen == "" && handled.Load() != before:
			t.Errorf("%s: reached the handler", row.name)
		}
	}
}

// rawH3 is a client of HTTP/3 that does what it is told, stream by stream.
type rawH3 struct{ *quic.Conn }

func dialRawH3(t testing.TB, addr string) rawH3 {
	t.Helper()
	_, config := loopbackTLS()
	config = config.Clone()
	config.NextProtos = []string{"h3"}
	conn, err := quic.DialAddr(within(t, 10*time.Second), addr, config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseWithError(0x100, "") })
	control, err := conn.OpenUniStream()
	if err != nil {
		t.Fatal(err)
	}
	control.Write([]byte{0, 4, 0}) // a control stream with settings
	return rawH3{conn}
}

func (c rawH3) open(t testing.TB) *quic.Stream {
	t.Helper()
	stream, err := c.OpenStreamSync(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// headersH3 is a frame of HEADERS with literal fields only.
func headersH3(head string) []byte {
	block := []byte{0, 0} // nothing of the dynamic table
	for _, field := range fieldsOf(head) {
		block = append(prefixed(block, 0x20, 3, len(field[0])), field[0]...)
		block = append(prefixed(block, 0, 7, len(field[1])), field[1]...)
	}
	frame := binary.BigEndian.AppendUint16([]byte{1}, uint16(0x4000|len(block)))
	return append(frame, block...)
}

// prefixed appends an integer with a prefix of so many bits (RFC 7541, 5.1).
func prefixed(b []byte, flags byte, bits, n int) []byte {
	limit := 1<<bits - 1
	if n < limit {
		return append(b, flags|byte(n))
	}
	b = append(b, flags|byte(limit))
	for n -= limit; n >= 128; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func TestHeadsOfHTTP1(t *testing.T) {
	var handled atomic.Int64
	e := start(t, keepAlive, func(x listener.Exchange) {
		handled.Add(1)
		x.WriteString(x.Method() + " " + x.RawPath() + " of " + x.Host() + " or " + x.RequestHeader("Host"))
	})
	for request, want := range map[string]string{
		"GET http://Other/x HTTP/1.1\r\nHost: test\r\n\r\n": "GET /x of other or Other", // RFC 9112, 3.2.2
		"OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n":          "OPTIONS * of test or test",
		"GET /a#b HTTP/1.1\r\nHost: test\r\n\r\n":           "400",
		"GET /%zz HTTP/1.1\r\nHost: test\r\n\r\n":           "400",
		"GET http://a b/ HTTP/1.1\r\nHost: test\r\n\r\n":    "400",
	} {
		c, before := e.dial(), handled.Load()
		c.send(request)
		resp, body := c.read()
		if want == "400" && (resp.StatusCode != http.StatusBadRequest || handled.Load() != before) || want != "400" && body != want {
			t.Errorf("%q: %d %q, want %s", request, resp.StatusCode, body, want)
		}
	}
}
