package listener_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

const (
	get     = "GET / HTTP/1.1\r\nHost: t\r\n"
	post    = "POST / HTTP/1.1\r\nHost: t\r\n"
	posting = post + "Transfer-Encoding: chunked\r\n\r\n"
	valid   = get + "\r\n"
)

// strictLimits bound header and body of the requests in malformed.
var strictLimits = listener.Limits{KeepAlive: true, MaxHeaderBytes: 2000, MaxRequestBytes: 50_000}

// malformed are requests that two servers in a row might read differently, or
// that ask for too much. A valid one follows each, which must not be answered.
var malformed = []struct {
	name, request string
	status        []int
}{
	{"no request line", "nonsense\r\n\r\n", []int{400}},
	{"no version", "GET /\r\n\r\n", []int{400}},
	{"two blanks", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"blank after the version", "GET / HTTP/1.1 \r\nHost: t\r\n\r\n", []int{400}},
	{"blank in the target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"blank before the method", " GET / HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"control byte before the method", "\x00GET / HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"CR before the method", "\r" + valid, []int{400}},
	{"blank after an empty line", "\r\n " + valid, []int{400}},
	{"method that is no token", "G(T / HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"control byte in the target", "GET /\x01 HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"DEL in the target", "GET /\x7f HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"long target", "GET /" + strings.Repeat("x", 8000) + " HTTP/1.1\r\nHost: t\r\n\r\n", []int{414}},

	{"HTTP/1.01", "GET / HTTP/1.01\r\nHost: t\r\n\r\n", []int{400, 505}},
	{"HTTP/9.9", "GET / HTTP/9.9\r\nHost: t\r\n\r\n", []int{505}},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: t\r\n\r\n", []int{505}},
	{"HTTP/0.9", "GET / HTTP/0.9\r\nHost: t\r\n\r\n", []int{505}},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", []int{505}},
	{"http/1.1", "GET / http/1.1\r\nHost: t\r\n\r\n", []int{400, 505}},
	{"other protocol", "GET / ICY/1.1\r\nHost: t\r\n\r\n", []int{400, 505}},

	{"LF ends the request line", "GET / HTTP/1.1\nHost: t\r\n\r\n", []int{400}},
	{"LF ends a field", "GET / HTTP/1.1\r\nHost: t\nA: b\r\n\r\n", []int{400}},
	{"LF ends the header", get + "\n", []int{400}},
	{"CR in the request line", "GET /\rx HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"CR in a name", get + "A\rB: c\r\n\r\n", []int{400}},
	{"CR in a value", get + "A: b\rc\r\n\r\n", []int{400}},
	{"CR CR LF", get + "A: b\r\r\n\r\n", []int{400}},
	{"NUL in a value", get + "A: b\x00c\r\n\r\n", []int{400}},
	{"control byte in a value", get + "A: b\x1fc\r\n\r\n", []int{400}},
	{"DEL in a value", get + "A: b\x7fc\r\n\r\n", []int{400}},
	{"control byte in a name", get + "A\x02: b\r\n\r\n", []int{400}},
	{"name beyond ASCII", get + "\xc3\xa4: b\r\n\r\n", []int{400}},

	{"folded field", get + "A: b\r\n c\r\n\r\n", []int{400}},
	{"folded by a tab", get + "A: b\r\n\tc\r\n\r\n", []int{400}},
	{"folded first", "GET / HTTP/1.1\r\n Host: t\r\n\r\n", []int{400}},
	{"folded length", post + "Content-Length:\r\n 5\r\n\r\nhello", []int{400}},
	{"blank before the colon", get + "A : b\r\n\r\n", []int{400}},
	{"blank in a name", get + "A b: c\r\n\r\n", []int{400}},
	{"blank before the colon of a length", post + "Content-Length : 5\r\n\r\nhello", []int{400}},
	{"no colon", get + "A\r\n\r\n", []int{400}},
	{"no name", get + ": b\r\n\r\n", []int{400}},
	{"header too large in one field", get + "A: " + strings.Repeat("x", 2100) + "\r\n\r\n", []int{431}},
	{"header too large in many", get + strings.Repeat("A: b\r\n", 400) + "\r\n", []int{431}},
	{"name too large", get + strings.Repeat("A", 2100) + ": b\r\n\r\n", []int{431}},

	{"no host", "GET / HTTP/1.1\r\n\r\n", []int{400}},
	{"two hosts", get + "Host: u\r\n\r\n", []int{400}},
	{"the same host twice", get + "Host: t\r\n\r\n", []int{400}},
	{"user in the host", "GET / HTTP/1.1\r\nHost: user@t\r\n\r\n", []int{400}},
	{"password in the host", "GET / HTTP/1.1\r\nHost: user:pw@t\r\n\r\n", []int{400}},
	{"blank in the host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", []int{400}},
	{"path in the host", "GET / HTTP/1.1\r\nHost: t/x\r\n\r\n", []int{400}},
	{"query in the host", "GET / HTTP/1.1\r\nHost: t?x\r\n\r\n", []int{400}},
	{"port that is none", "GET / HTTP/1.1\r\nHost: t:http\r\n\r\n", []int{400}},
	{"two ports", "GET / HTTP/1.1\r\nHost: t:1:2\r\n\r\n", []int{400}},
	{"bracket left open", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", []int{400}},
	{"brackets around a name", "GET / HTTP/1.1\r\nHost: [name]\r\n\r\n", []int{400}},
	{"name after an address", "GET / HTTP/1.1\r\nHost: [::1]t\r\n\r\n", []int{400}},

	{"CONNECT", "CONNECT t:443 HTTP/1.1\r\nHost: t:443\r\n\r\n", []int{400, 501}},
	{"CONNECT to a path", "CONNECT / HTTP/1.1\r\nHost: t\r\n\r\n", []int{400, 501}},
	{"authority for another method", "GET t:80 HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"asterisk for another method", "GET * HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"relative target", "GET x HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"other scheme", "GET ftp://t/ HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"user in the target", "GET http://u:p@t/ HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"no authority", "GET http:///x HTTP/1.1\r\nHost: t\r\n\r\n", []int{400}},
	{"no host beside an absolute target", "GET http://t/ HTTP/1.1\r\n\r\n", []int{400}},
	{"bad host beside an absolute target", "GET http://t/ HTTP/1.1\r\nHost: a b\r\n\r\n", []int{400}},

	{"length twice", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", []int{400}},
	{"two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", []int{400}},
	{"list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello", []int{400}},
	{"length with a sign", post + "Content-Length: +5\r\n\r\nhello", []int{400}},
	{"negative length", post + "Content-Length: -5\r\n\r\nhello", []int{400}},
	{"hexadecimal length", post + "Content-Length: 0x5\r\n\r\nhello", []int{400}},
	{"no digits", post + "Content-Length: \r\n\r\n", []int{400}},
	{"digits apart", post + "Content-Length: 1 0\r\n\r\nhellohello", []int{400}},
	{"length beyond 64 bits", post + "Content-Length: 99999999999999999999\r\n\r\n", []int{400, 413}},
	{"length beyond the limit", post + "Content-Length: 50001\r\n\r\n", []int{413}},
	{"length and coding", post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
	{"coding and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", []int{400}},
	{"coding twice", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
	{"identity", post + "Transfer-Encoding: identity\r\n\r\n", []int{501}},
	{"gzip", post + "Transfer-Encoding: gzip\r\n\r\n", []int{501}},
	{"gzip, chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{501}},
	{"chunked, gzip", post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", []int{501}},
	{"chunked, chunked", post + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
	{"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{501}},
	{"chunked with a parameter", post + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", []int{501}},
	{"chunk", post + "Transfer-Encoding: chunk\r\n\r\n0\r\n\r\n", []int{501}},
	{"no coding", post + "Transfer-Encoding:\r\n\r\n0\r\n\r\n", []int{400}},
	{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},

	{"chunk size that is no number", posting + "xyz\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"no chunk size", posting + "\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"negative chunk size", posting + "-5\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"chunk size with 0x", posting + "0x5\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"chunk size with a blank", posting + "5 \r\nhello\r\n0\r\n\r\n", []int{400}},
	{"chunk size beyond 64 bits", posting + "fffffffffffffffff\r\nhello\r\n0\r\n\r\n", []int{400, 413}},
	{"LF after a chunk size", posting + "5\nhello\r\n0\r\n\r\n", []int{400}},
	{"LF after a chunk", posting + "5\r\nhello\n0\r\n\r\n", []int{400}},
	{"chunk longer than its size", posting + "5\r\nhello!\r\n0\r\n\r\n", []int{400}},
	{"LF in an extension", posting + "5;a\nb\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"CR in an extension", posting + "5;a\rb\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"control byte in an extension", posting + "5;a\x00\r\nhello\r\n0\r\n\r\n", []int{400}},
	{"huge extension", posting + "5;" + strings.Repeat("x", 10_000) + "\r\nhello\r\n0\r\n\r\n", []int{400, 413, 431}},
	{"huge extensions together", posting + strings.Repeat("1;"+strings.Repeat("x", 200)+"\r\na\r\n", 20) + "0\r\n\r\n", []int{400, 413, 431}},
	{"last chunk with bytes", posting + "0\r\nx\r\n\r\n", []int{400}},
	{"folded trailer", posting + "0\r\nA: b\r\n c\r\n\r\n", []int{400}},
	{"LF ends a trailer field", posting + "0\r\nA: b\n\r\n", []int{400}},
	{"blank in the name of a trailer", posting + "0\r\nA b: c\r\n\r\n", []int{400}},
	{"length in the trailer", posting + "0\r\nContent-Length: 5\r\n\r\n", []int{400}},
	{"coding in the trailer", posting + "0\r\nTransfer-Encoding: chunked\r\n\r\n", []int{400}},
	{"host in the trailer", posting + "0\r\nHost: u\r\n\r\n", []int{400}},
	{"trailer too large", posting + "0\r\nA: " + strings.Repeat("x", 2100) + "\r\n\r\n", []int{431}},
	{"body beyond the limit", posting + "c351\r\n" + strings.Repeat("x", 50_001) + "\r\n0\r\n\r\n", []int{413}},
}

// truncated are requests that end with the connection.
var truncated = map[string]string{
	"in the method":         "GE",
	"in the request line":   "GET / HT",
	"after it":              "GET / HTTP/1.1\r\n",
	"in a field":            "GET / HTTP/1.1\r\nHo",
	"before the last line":  get,
	"in the last line":      get + "\r",
	"before the body":       post + "Content-Length: 5\r\n\r\n",
	"in the body":           post + "Content-Length: 5\r\n\r\nhell",
	"in a large body":       post + "Content-Length: 20000\r\n\r\nhell",
	"before the chunks":     posting,
	"in a chunk size":       posting + "5",
	"in a chunk":            posting + "5\r\nhel",
	"after a chunk":         posting + "5\r\nhello",
	"before the last chunk": posting + "5\r\nhello\r\n",
	"in the last chunk":     posting + "5\r\nhello\r\n0\r\n",
	"in the trailer":        posting + "5\r\nhello\r\n0\r\nA: b\r\n",
}

// wantRefused checks for one of the statuses and nothing else.
func (c *client) wantRefused(status []int) {
	c.t.Helper()
	resp, body, err := c.tryRead()
	if err != nil {
		c.t.Fatalf("no response: %v, want status %d", err, status)
	}
	if !slices.Contains(status, resp.StatusCode) || !resp.Close {
		c.t.Fatalf("status %d %q, close %v; want %d and the end", resp.StatusCode, body, resp.Close, status)
	}
	c.wantEnd(5 * time.Second)
}

// readBody is echo for clients that do wrong: what it answers to a broken body
// must not be what is sent.
func readBody(x listener.Exchange) {
	_, err := io.Copy(io.Discard, x.Body())
	fmt.Fprint(x, err)
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	e := start(t, strictLimits, readBody)
	for _, row := range malformed {
		t.Run(row.name, func(t *testing.T) {
			c := e.dial()
			c.t = t
			io.WriteString(c, row.request+valid) // the server may close before the end of it
			c.wantRefused(row.status)
		})
		t.Run(row.name+", after a valid request", func(t *testing.T) {
			c := e.dial()
			c.t = t
			io.WriteString(c, valid+row.request+valid)
			c.wantStatus(200)
			c.wantRefused(row.status)
		})
	}
	e.wantGauges(0, 0)
	n := uint64(len(malformed))
	if got := e.Counters().Load(); got.Failures != (listener.Failures{Client: 2 * n}) || got.Requests != 3*n {
		t.Errorf("failures %+v in %d requests, want %d of clients in %d", got.Failures, got.Requests, 2*n, 3*n)
	}
}

func TestMalformedRequestsAreRefusedByteByByte(t *testing.T) {
	t.Parallel()
	e := start(t, strictLimits, readBody)
	for _, row := range malformed {
		if len(row.request) > 300 {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			c := e.dial()
			c.t = t
			c.SetNoDelay(true)
			for _, b := range []byte(row.request) {
				if _, err := c.Write([]byte{b}); err != nil {
					break
				}
			}
			c.wantRefused(row.status)
		})
	}
}

// A handler that reads no body, and one that answers with a stream, answers only
// what is well-formed as far as is looked ahead.
func TestMalformedBodiesNobodyReadsAreRefused(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]listener.Handler{
		"answered": hello,
		"streamed": func(x listener.Exchange) { x.SetBodyStream(strings.NewReader("hello"), -1) },
	} {
		e := start(t, strictLimits, handler)
		for _, row := range malformed {
			if !strings.HasPrefix(row.request, posting) || row.name == "body beyond the limit" {
				continue
			}
			t.Run(name+": "+row.name, func(t *testing.T) {
				c := e.dial()
				c.t = t
				io.WriteString(c, row.request+valid)
				c.wantRefused(row.status)
			})
		}
	}
}

// A body that is read when the handler has returned is read whole.
func TestABodyThatWasLookedAtIsReadWhole(t *testing.T) {
	t.Parallel()
	e := start(t, keepAlive, func(x listener.Exchange) { x.SetBodyStream(x.Body(), -1) })
	c := e.dial()
	part := strings.Repeat("x", 10_000)
	for range 2 {
		c.send(posting + "5\r\nhello\r\n2710\r\n" + part + "\r\n0\r\n\r\n")
		if _, body := c.read(); body != "hello"+part {
			t.Errorf("got %d bytes", len(body))
		}
	}
}

func TestTruncatedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	e := start(t, strictLimits, readBody)
	for name, request := range truncated {
		t.Run(name, func(t *testing.T) {
			c := e.dial()
			c.t = t
			c.send(request)
			c.CloseWrite()
			c.wantRefused([]int{http.StatusBadRequest})
		})
	}
}

func TestUnusualRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	e := start(t, strictLimits, func(x listener.Exchange) {
		body, err := io.ReadAll(x.Body())
		fmt.Fprint(x, x.Method(), " ", x.Host(), " ", x.Path(), " ", string(body), err)
	})
	for request, want := range map[string]string{
		"GET http://other:81/x?y HTTP/1.1\r\nHost: t\r\n\r\n":                                                      "GET other:81 /x <nil>",
		"GET HTTP://[::1]:81/x HTTP/1.1\r\nHost: t\r\n\r\n":                                                        "GET [::1]:81 /x <nil>",
		"GET http://other HTTP/1.1\r\nHost: t\r\n\r\n":                                                             "GET other / <nil>",
		"GET http://other?q HTTP/1.1\r\nHost: t\r\n\r\n":                                                           "GET other / <nil>",
		"OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n":                                                                    "OPTIONS t * <nil>",
		"\r\nGET / HTTP/1.1\r\nHost:t\r\n\r\n":                                                                     "GET t / <nil>",
		"\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n":                                                                "GET t / <nil>",
		"GET / HTTP/1.1\r\nhOST: \t [2001:db8::1]:80 \t\r\n\r\n":                                                   "GET [2001:db8::1]:80 / <nil>",
		"M-SEARCH / HTTP/1.1\r\nHost: t\r\nA:\r\nB: \xff\r\n\r\n":                                                  "M-SEARCH t / <nil>",
		post + "content-length:  5 \r\n\r\nhello":                                                                  "POST t / hello<nil>",
		"GET / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello":                                              "GET t / hello<nil>",
		post + "Transfer-Encoding: chunked \r\n\r\n5;a=\"b\"\r\nhello\r\n00a\r\n, it is me\r\n0;x\r\nA: b\r\n\r\n": "POST t / hello, it is me<nil>",
		posting + "0\r\n\r\n":                                                                                      "POST t / <nil>",
	} {
		c := e.dial()
		for range 2 { // what follows is found where it begins
			c.send(request)
		}
		for range 2 {
			resp, body := c.read()
			if resp.StatusCode != 200 || resp.Close || body != want {
				t.Errorf("%q: status %d, close %v, body %q; want 200, false, %q", request, resp.StatusCode, resp.Close, body, want)
			}
		}
		c.Close()
	}
	eventually(t, "none has failed", func() bool { return e.Counters().Load().Failures == listener.Failures{} })
}

// What arrives with a request that is answered by a takeover belongs to who
// took over, whatever it looks like.
func TestHijackersGetWhatIsNoRequest(t *testing.T) {
	e := start(t, keepAlive, func(x listener.Exchange) {
		ctx, _ := listener.FastHTTP(x)
		ctx.Hijack(func(c net.Conn) { io.Copy(c, c) })
	})
	c := e.dial()
	frames := "\x81\x05hello\n\r\x00GET nothing\r\n\r\n"
	c.send(valid + frames)
	c.read()
	c.send(frames)
	got := make([]byte, 2*len(frames))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != frames+frames {
		t.Errorf("echoed %q, %v; want %q twice", got, err, frames)
	}
}
