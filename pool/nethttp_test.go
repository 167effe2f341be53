package pool_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// front is a pool as the handler of a net/http server that speaks HTTP/2.
func front(t *testing.T, backend string) *httptest.Server {
	t.Helper()
	p, err := pool.New(pool.Config{Name: "api", ReadTimeout: 5 * time.Second, MaxConns: 8, MaxWait: time.Second,
		Backends: []pool.BackendConfig{{Name: "a", URL: backend}}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(p)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(func() { s.Close(); p.Close() })
	return s
}

func TestNetHTTPRequestReachesTheBackend(t *testing.T) {
	url, requests := recorder(t, "HTTP/1.1 201 Created\r\nX-Answer: yes\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nContent-Length: 2\r\n\r\nok")
	s := front(t, url)
	for _, unknown := range []bool{false, true} {
		body := io.Reader(strings.NewReader("hello"))
		if unknown {
			body = struct{ io.Reader }{body}
		}
		req, _ := http.NewRequest("POST", s.URL+"/a%2Fb?q=1", body)
		req.Header.Set("X-Ask", "well?")
		req.Header.Set("User-Agent", "me")
		resp, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 201 || string(got) != "ok" || resp.Header.Get("X-Answer") != "yes" || len(resp.Cookies()) != 2 || resp.ProtoMajor != 2 {
			t.Errorf("%s %s %q %v", resp.Proto, resp.Status, got, resp.Header)
		}
		first, fields, sent := wireFields(<-requests)
		if first != "POST /a%2Fb?q=1 HTTP/1.1" || !strings.Contains(sent, "hello") {
			t.Errorf("backend got %q, body %q", first, sent)
		}
		host := strings.TrimPrefix(s.URL, "https://")
		for _, want := range []string{"X-Ask: well?", "User-Agent: me", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: " + host, "Host: " + host} {
			if !slices.Contains(fields, want) {
				t.Errorf("no %q in %q", want, fields)
			}
		}
	}
}

func TestNetHTTPResponseStreams(t *testing.T) {
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Sum")
		io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		<-release
		io.WriteString(w, "two")
		w.Header().Set("Sum", "7")
	}))
	defer backend.Close()
	s := front(t, backend.URL)
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	piece := make([]byte, 3)
	if _, err := io.ReadFull(resp.Body, piece); err != nil || string(piece) != "one" {
		t.Fatalf("%q, %v", piece, err)
	}
	close(release)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(rest) != "two" || resp.Trailer.Get("Sum") != "7" {
		t.Errorf("%q, %v, trailer %v", rest, err, resp.Trailer)
	}
}

func TestNetHTTPResponseThatBreaksOffDoesNotLookWhole(t *testing.T) {
	url, _ := recorder(t, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\nConnection: close\r\n\r\nhalf")
	s := front(t, url)
	resp, err := s.Client().Get(s.URL)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half a response passed for a whole one")
	}
}

func TestNetHTTPHeadAndErrors(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1234")
		if r.Method != "HEAD" {
			fmt.Fprint(w, strings.Repeat("x", 1234))
		}
	}))
	s := front(t, backend.URL)
	resp, err := s.Client().Head(s.URL)
	if err != nil || resp.ContentLength != 1234 {
		t.Errorf("HEAD: %+v, %v", resp, err)
	}
	backend.Close()
	if resp, err = s.Client().Get(s.URL); err != nil || resp.StatusCode != 502 {
		t.Errorf("without a backend: %+v, %v", resp, err)
	}
}

// Whatever a server lets through, the backend gets a request of that method,
// target and host, or none.
func TestWhatWouldSplitTheRequestLineReachesNoBackend(t *testing.T) {
	url, requests := recorder(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	p, err := pool.New(pool.Config{Name: "api", Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, r := range []struct{ method, target, host string }{
		{"GET /admin/delete?x=", "/p", "pub.example"},
		{"GET", "/p/x HTTP/1.0 y", "pub.example"},
		{"GET", "/p\r\nX: y", "pub.example"},
		{"GET", "/p", "pub.example\r\nX: y"},
		{"GET", "/p", "a b"},
		{"GET", "/p", "a/b?c"},
	} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Method, req.RequestURI, req.Host = r.method, r.target, r.host
		w := httptest.NewRecorder()
		p.ServeHTTP(w, req)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%q: status %d", r, w.Code)
		}
	}
	select {
	case got := <-requests:
		t.Errorf("a backend got %q", got)
	default:
	}
	for _, target := range []string{"/p", "http://admin.internal/p"} {
		req := httptest.NewRequest("GET", target, nil)
		req.Host = "pub.example"
		req.Header["Host"] = []string{"admin.internal"} // as net/http leaves it over HTTP/2
		p.ServeHTTP(httptest.NewRecorder(), req)
		first, fields, _ := wireFields(<-requests)
		if first != "GET /p HTTP/1.1" || !slices.Contains(fields, "Host: pub.example") || slices.Contains(fields, "Host: admin.internal") {
			t.Errorf("%s: a backend got %q %q", target, first, fields)
		}
	}
}
