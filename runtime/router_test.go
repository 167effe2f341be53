package runtime

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

// fakeExchange is a request without a connection.
type fakeExchange struct {
	listener.Exchange // what a router has no business with
	method, uri, host string
	status            int
	header            http.Header
	body              strings.Builder
	chosen            string
}

func (x *fakeExchange) Method() string               { return x.method }
func (x *fakeExchange) RequestURI() string           { return x.uri }
func (x *fakeExchange) Host() string                 { return x.host }
func (x *fakeExchange) SetStatus(code int)           { x.status = code }
func (x *fakeExchange) SetHeader(name, value string) { x.header.Set(name, value) }
func (x *fakeExchange) Write(p []byte) (int, error)  { return x.body.Write(p) }

func (x *fakeExchange) RawPath() string {
	raw, _, _ := strings.Cut(x.uri, "?")
	return raw
}

func (x *fakeExchange) Path() string {
	req, err := http.NewRequest("GET", "http://h"+x.uri, nil)
	if err != nil {
		return x.uri
	}
	return req.URL.Path
}

// The router must choose what http.ServeMux chooses, whichever way it finds it.
func TestRouterChoosesAsServeMux(t *testing.T) {
	sets := [][]string{
		{"/hello"},
		{"GET /hello", "/hello/", "/"},
		{"GET /hello", "POST /hello", "/other"},
		{"/{name}", "GET /hello", "/hello/{rest...}"},
		{"/", "/api/", "GET /api/v1", "/api/{$}"},
		{"example.com/hello", "/hello", "/"},
		{"example.com/", "GET /hello"},
		{"/a/{x}/b", "GET /a/c/b", "/a/c/b"},
	}
	paths := []string{"/", "/hello", "/hello/", "/hello//x", "/hello/world", "/api", "/api/", "/api/v1", "/api/v1/x",
		"/a/c/b", "/a/d/b", "/other", "/x/../hello", "/hel%6Co", "/a%2Fc/b", "/none?q=1", "/hello?next=/", "/hello?a=%41"}
	for _, patterns := range sets {
		r, mux := newRouter(), http.NewServeMux()
		for _, p := range patterns {
			if err := r.handle(p, func(x listener.Exchange) { x.(*fakeExchange).chosen = p }); err != nil {
				t.Fatal(err)
			}
			mux.HandleFunc(p, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Chosen", p) })
		}
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
			for _, host := range []string{"example.com", "other.org"} {
				for _, path := range paths {
					compareWithMux(t, patterns, r, mux, method, host, path)
				}
			}
		}
	}
}

func compareWithMux(t *testing.T, patterns []string, r *router, mux *http.ServeMux, method, host, path string) {
	t.Helper()
	req := httptest.NewRequest(method, "http://"+host+path, nil)
	want := httptest.NewRecorder()
	mux.ServeHTTP(want, req)
	x := &fakeExchange{method: method, uri: path, host: host, header: http.Header{}}
	r.serve(x)
	got := fmt.Sprintf("%q %d %s", x.chosen, max(x.status, 200), x.header.Get("Location"))
	wanted := fmt.Sprintf("%q %d %s", want.Header().Get("Chosen"), want.Code, want.Header().Get("Location"))
	if got != wanted {
		t.Errorf("routes %q: %s %s%s: got %s, want %s", patterns, method, host, path, got, wanted)
	}
}

func TestBadAndConflictingPatternsAreErrors(t *testing.T) {
	r := newRouter()
	nothing := func(listener.Exchange) {}
	if err := r.handle("GET /a", nothing); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"GET /a", "/{", "GET", ""} {
		if err := r.handle(p, nothing); err == nil {
			t.Errorf("pattern %q was taken, want an error", p)
		}
	}
}

func BenchmarkRouterExact(b *testing.B) {
	r := newRouter()
	if err := r.handle("GET /hello", func(listener.Exchange) {}); err != nil {
		b.Fatal(err)
	}
	x := &exactExchange{}
	b.ReportAllocs()
	for b.Loop() {
		r.serve(x)
	}
}

type exactExchange struct{ listener.Exchange }

func (*exactExchange) Method() string  { return "GET" }
func (*exactExchange) RawPath() string { return "/hello" }
