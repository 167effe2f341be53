package pool_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"sort"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

// recorder is a backend of raw connections that hands over each request as its
// bytes and answers as told.
func recorder(t testing.TB, answer string) (url string, requests chan string) {
	requests = make(chan string, 16)
	url = script(t, func(n int, c net.Conn, r *bufio.Reader) {
		for {
			raw, err := readRaw(r)
			if err != nil {
				return
			}
			requests <- raw
			if _, err := io.WriteString(c, answer); err != nil || strings.Contains(answer, "\r\nConnection: close") {
				return
			}
		}
	})
	return url, requests
}

// readRaw reads a request and returns what was on the wire.
func readRaw(r *bufio.Reader) (string, error) {
	var wire strings.Builder
	req, err := http.ReadRequest(bufio.NewReaderSize(teeOneByte{r, &wire}, 16))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.Discard, req.Body)
	return wire.String(), err
}

// teeOneByte reads single bytes, so that nothing is read beyond a request.
type teeOneByte struct {
	r io.Reader
	w io.Writer
}

func (t teeOneByte) Read(b []byte) (int, error) {
	n, err := t.r.Read(b[:1])
	_, _ = t.w.Write(b[:n])
	return n, err
}

// wireFields returns request line, sorted header lines and body.
func wireFields(raw string) (first string, fields []string, body string) {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	fields = lines[1:]
	sort.Strings(fields)
	return lines[0], fields, body
}

// talk sends raw bytes to addr and returns the response.
func talk(t testing.TB, addr, raw string) (status int, header http.Header, body string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(raw, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}

func TestRequestAsTheBackendSeesIt(t *testing.T) {
	forwarded := []string{"X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: h", "X-Forwarded-Proto: http"}
	for _, tc := range []struct {
		name, send, first string
		fields            []string // besides Host: h and the forwarded ones
		body              string
	}{
		{name: "plain", send: "GET /a?b=c HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nAccept: */*\r\n\r\n",
			first: "GET /a?b=c HTTP/1.1", fields: []string{"User-Agent: u", "Accept: */*"}},
		{name: "target as it came", send: "GET //x/../%7e%2f;p?q=%20&&&r#f HTTP/1.1\r\nHost: h\r\n\r\n",
			first: "GET //x/../%7e%2f;p?q=%20&&&r HTTP/1.1"},
		{name: "absolute form", send: "GET http://h/p?q HTTP/1.1\r\nHost: other\r\n\r\n", first: "GET /p?q HTTP/1.1"},
		{name: "asterisk", send: "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", first: "OPTIONS * HTTP/1.1", fields: []string{"Content-Length: 0"}},
		{name: "hop by hop", send: "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Secret\r\nconnection: x-more\r\nKeep-Alive: timeout=5\r\n" +
			"Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n" +
			"X-Secret: 1\r\nX-More: 2\r\nX-Kept: 3\r\n\r\n",
			first: "GET / HTTP/1.1", fields: []string{"X-Kept: 3"}},
		{name: "close is ours", send: "GET / HTTP/1.1\r\nHost: h\r\nConnection: close, X-A\r\nX-A: 1\r\nX-B: 2\r\n\r\n",
			first: "GET / HTTP/1.1", fields: []string{"X-B: 2"}},
		{name: "the host cannot be dropped", send: "GET / HTTP/1.1\r\nHost: h\r\nConnection: Host, X-Forwarded-For\r\n\r\n", first: "GET / HTTP/1.1"},
		{name: "fields in their place", send: "GET / HTTP/1.1\r\nHost: h\r\nCookie: a=1;b=\"2\";;c\r\nX-A: 1\r\nX-A: 2\r\nEmpty:\r\n\r\n",
			first: "GET / HTTP/1.1", fields: []string{"Cookie: a=1;b=\"2\";;c", "X-A: 1", "X-A: 2", "Empty: "}},
		{name: "spoofed forwards", send: "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Proto: https\r\nx-forwarded-for: 10.0.0.1\r\nX_Forwarded_For: 10.0.0.1\r\n" +
			"Forwarded: for=10.0.0.1;proto=https\r\nX-Real-IP: 10.0.0.1\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /admin\r\nX-Forwarding: 1\r\n\r\n",
			first: "GET / HTTP/1.1", fields: []string{"X-Forwarding: 1"}},
		{name: "framing spelled otherwise", send: "GET / HTTP/1.1\r\nHost: h\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n", first: "GET / HTTP/1.1"},
		{name: "switch said once", send: "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", first: "GET / HTTP/1.1"},
		{name: "switch in HTTP/1.0", send: "GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", first: "GET / HTTP/1.1"},
		{name: "switch with a body", send: "POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nok",
			first: "POST / HTTP/1.1", fields: []string{"Content-Length: 2"}, body: "ok"},
		{name: "switch to no protocol", send: "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: a;b\r\n\r\n", first: "GET / HTTP/1.1"},
		{name: "known length", send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nExpect: 200-maybe\r\n\r\nbody",
			first: "POST / HTTP/1.1", fields: []string{"Content-Type: text/plain", "Content-Length: 4"}, body: "body"},
		{name: "no body", send: "POST / HTTP/1.1\r\nHost: h\r\n\r\n", first: "POST / HTTP/1.1", fields: []string{"Content-Length: 0"}},
		{name: "get with a body", send: "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody",
			first: "GET / HTTP/1.1", fields: []string{"Content-Length: 4"}, body: "body"},
		{name: "chunked", send: "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n4;ext=1\r\nbody\r\n0\r\nX-T: 1\r\n\r\n",
			first: "POST / HTTP/1.1", fields: []string{"Content-Length: 4"}, body: "body"},
		{name: "multipart is left alone", send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 8\r\n\r\n--x--no\r",
			first: "POST / HTTP/1.1", fields: []string{"Content-Type: multipart/form-data; boundary=x", "Content-Length: 8"}, body: "--x--no\r"},
		// Framing that two parsers could read differently reaches the backend
		// in one form only, or not at all.
		{name: "length and chunked", send: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
			first: "POST / HTTP/1.1", fields: []string{"Content-Length: 4"}, body: "body"},
		{name: "a name that is none", send: "GET / HTTP/1.1\r\nHost: h\r\nTransfer Encoding: chunked\r\n\r\n", first: "GET / HTTP/1.1"},
		{name: "folded", send: "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n Transfer-Encoding: chunked\r\n\r\n",
			first: "GET / HTTP/1.1", fields: []string{"X-A: 1 Transfer-Encoding: chunked"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, requests := recorder(t, ok)
			p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
			if status, _, _ := talk(t, serve(t, p), tc.send); status != 200 {
				t.Fatalf("got %d, want 200", status)
			}
			first, fields, body := wireFields(<-requests)
			want := append(append([]string{"Host: h"}, forwarded...), tc.fields...)
			sort.Strings(want)
			if first != tc.first || !reflect.DeepEqual(fields, want) || body != tc.body {
				t.Fatalf("got\n%q\n%q\n%q\nwant\n%q\n%q\n%q", first, fields, body, tc.first, want, tc.body)
			}
		})
	}
}

func TestWhatNeverReachesABackend(t *testing.T) {
	for name, send := range map[string]string{
		"two lengths":            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
		"two equal lengths":      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
		"list of lengths":        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4, 4\r\n\r\nbody",
		"signed length":          "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +4\r\n\r\nbody",
		"two codings":            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"unknown coding":         "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"coding before a colon":  "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"chunked in HTTP/1.0":    "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"broken chunk":           "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n",
		"two hosts":              "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
		"newline within a field": "GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\rX-B: 2\r\n\r\n",
		"nul":                    "GET / HTTP/1.1\r\nHost: h\r\nX-A: \x00\r\n\r\n",
		"trace":                  "TRACE / HTTP/1.1\r\nHost: h\r\nCookie: a=b\r\n\r\n",
		"connect":                "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			url, requests := recorder(t, ok)
			p := newPool(t, pool.Config{ReadTimeout: time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
			status, _, body := talk(t, serve(t, p), send)
			if status < 400 {
				t.Fatalf("got %d, want an error", status)
			}
			if want := map[string]int{"connect": 501, "trace": 405}[name]; want != 0 && (status != want || strings.Count(body, "\n") != 1) {
				t.Fatalf("got %d %q, want %d and one line", status, body, want)
			}
			select {
			case raw := <-requests:
				t.Fatalf("backend got %q", raw)
			default:
			}
			eventually(t, settled(p))
		})
	}
}

func TestResponseAsTheClientSeesIt(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\n"
	for _, tc := range []struct {
		name, method, answer string
		status               int
		want                 map[string]string // "-" for none
		body                 string
	}{
		{name: "hop by hop", answer: head + "Connection: X-Secret, keep-alive\r\nKeep-Alive: timeout=5\r\nX-Secret: 1\r\nX-Kept: 2\r\nProxy-Authenticate: Basic\r\n" +
			"Proxy-Connection: x\r\nUpgrade: h2c\r\nTE: x\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok",
			want: map[string]string{"Connection": "-", "Keep-Alive": "-", "X-Secret": "-", "X-Kept": "2", "Proxy-Authenticate": "-", "Proxy-Connection": "-", "Upgrade": "-", "Te": "-", "Content-Length": "2"}},
		{name: "close is ours", answer: head + "Connection: close, X-Secret\r\nX-Secret: 1\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok",
			want: map[string]string{"Connection": "-", "X-Secret": "-"}},
		{name: "all fields", answer: head + "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nServer: theirs\r\nContent-Type: x/y\r\nContent-Encoding: gzip\r\nETag: \"e\"\r\nContent-Length: 2\r\n\r\nok", status: 200, body: "ok",
			want: map[string]string{"Set-Cookie": "a=1; Path=/|b=2", "Server": "theirs", "Content-Type": "x/y", "Content-Encoding": "gzip", "Etag": "\"e\""}},
		{name: "nothing invented", answer: head + "Content-Length: 2\r\n\r\nok", status: 200, body: "ok",
			want: map[string]string{"Content-Type": "-", "Server": "-"}},
		{name: "chunked", answer: head + "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", status: 200, body: "ok"},
		{name: "until close", answer: head + "Connection: close\r\n\r\nok", status: 200, body: "ok"},
		{name: "HTTP/1.0", answer: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", status: 200, body: "ok"},
		{name: "HEAD", method: "HEAD", answer: head + "Content-Length: 77\r\n\r\n", status: 200, want: map[string]string{"Content-Length": "77"}},
		{name: "HEAD without length", method: "HEAD", answer: head + "X-A: 1\r\n\r\n", status: 200, want: map[string]string{"X-A": "1", "Content-Type": "-"}},
		{name: "204", answer: "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", status: 204, want: map[string]string{"Content-Length": "-", "X-A": "1"}},
		{name: "304", answer: "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 77\r\n\r\n", status: 304, want: map[string]string{"Etag": "\"e\""}},
		{name: "interim", answer: "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + head + "Content-Length: 2\r\n\r\nok", status: 200, body: "ok", want: map[string]string{"Link": "-"}},
		{name: "own reason", answer: "HTTP/1.1 299 Fine By Me\r\nContent-Length: 0\r\n\r\n", status: 299},
		{name: "error of the backend", answer: "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", status: 500, body: "oops"},
		{name: "unasked switch", answer: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade, close\r\n\r\n", status: 502, body: "pool api: no backend could answer\n"},
		{name: "two lengths", answer: head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", status: 502, body: "pool api: no backend could answer\n"},
		{name: "not HTTP", answer: "SSH-2.0-x\r\n\r\n", status: 502, body: "pool api: no backend could answer\n"},
		{name: "header too large", answer: head + "X-A: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", status: 502, body: "pool api: no backend could answer\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			url, requests := recorder(t, tc.answer)
			p := newPool(t, pool.Config{ReadTimeout: 2 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
			addr := serve(t, p)
			if tc.method == "" {
				tc.method = "GET"
			}
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			r := bufio.NewReader(c)
			// Twice on one connection: what ends a message at the backend must
			// not end the client's connection.
			for i := range 2 {
				_, _ = fmt.Fprintf(c, "%s / HTTP/1.1\r\nHost: h\r\n\r\n", tc.method)
				<-requests
				resp, err := http.ReadResponse(r, &http.Request{Method: tc.method})
				if err != nil {
					t.Fatalf("request %d: %v", i, err)
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != tc.status || string(body) != tc.body || resp.Proto != "HTTP/1.1" {
					t.Fatalf("request %d: got %s %d %q, %v; want %d %q", i, resp.Proto, resp.StatusCode, body, err, tc.status, tc.body)
				}
				for k, want := range tc.want {
					got := strings.Join(resp.Header.Values(k), "|")
					if got == "" {
						got = "-"
					}
					if got != want {
						t.Errorf("request %d: got %s: %q, want %q", i, k, got, want)
					}
				}
			}
			eventually(t, settled(p))
		})
	}
}

func TestOldClients(t *testing.T) {
	for name, answer := range map[string]string{
		"length":      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"chunked":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
		"until close": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok",
	} {
		t.Run(name, func(t *testing.T) {
			url, requests := recorder(t, answer)
			p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
			status, header, body := talk(t, serve(t, p), "GET / HTTP/1.0\r\n\r\n")
			if status != 200 || body != "ok" || header.Get("Transfer-Encoding") != "" {
				t.Fatalf("got %d %v %q", status, header, body)
			}
			raw := <-requests
			if !strings.HasPrefix(raw, "GET / HTTP/1.1\r\nHost: "+strings.TrimPrefix(url, "http://")+"\r\n") {
				t.Fatalf("got %q, want HTTP/1.1 with the backend's host", raw)
			}
		})
	}
}

// TestUnaskedBytesAnswerNobody: what a backend sends beyond its response is not
// taken for the response to the next request.
func TestUnaskedBytesAnswerNobody(t *testing.T) {
	var conns atomic.Int64
	url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
		conns.Add(1)
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, ok+"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
		}
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	addr, cl := serve(t, p), client(t)
	for range 3 {
		if status, body := get(t, cl, "http://"+addr+"/"); status != 200 || body != "ok" {
			t.Fatalf("got %d %q, want 200 ok", status, body)
		}
	}
	if conns.Load() != 3 {
		t.Fatalf("got %d connections, want a new one each time", conns.Load())
	}
}

func TestExpectContinue(t *testing.T) {
	b := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") != "" {
			http.Error(w, "expectation passed on", http.StatusExpectationFailed)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: b.URL}}})
	tr := &http.Transport{ExpectContinueTimeout: 5 * time.Second}
	defer tr.CloseIdleConnections()
	req, _ := http.NewRequest("POST", "http://"+serve(t, p)+"/", strings.NewReader("body"))
	req.Header.Set("Expect", "100-continue")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != "body" {
		t.Fatalf("got %d %q", resp.StatusCode, body)
	}
}

func TestDoKeepsCallersRequest(t *testing.T) {
	url, requests := recorder(t, ok)
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	var req fasthttp.Request
	var resp fasthttp.Response
	req.SetRequestURI("http://service/path?q")
	req.Header.Set("X-A", "1")
	if err := p.Do(context.Background(), &req, &resp); err != nil || string(resp.Body()) != "ok" {
		t.Fatalf("got %q, %v", resp.Body(), err)
	}
	if raw := <-requests; !strings.HasPrefix(raw, "GET /path?q HTTP/1.1\r\n") || !strings.Contains(raw, "\r\nHost: service\r\n") || strings.Contains(raw, "X-Forwarded") {
		t.Fatalf("got %q", raw)
	}
}
