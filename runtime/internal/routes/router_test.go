package routes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/routes"
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

func (x *fakeExchange) WriteString(s string) (int, error) { return x.body.WriteString(s) }

func (x *fakeExchange) Query() string {
	_, query, _ := strings.Cut(x.uri, "?")
	return query
}

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
		{"GET /{$}", "/metrics", "/dir/"},
		{"GET /{$}", "GET /x", "POST /"},
		{"/api/{$}", "GET /api/v1"},
		{"/a/{x}/b", "GET /a/c/b", "/a/c/b"},
	}
	paths := []string{"/", "/hello", "/hello/", "/hello//x", "/hello/world", "/api", "/api/", "/api/v1", "/api/v1/x",
		"/a/c/b", "/a/d/b", "/other", "/x/../hello", "/hel%6Co", "/a%2Fc/b", "/none?q=1", "/hello?next=/", "/hello?a=%41"}
	for _, patterns := range sets {
		r, mux := routes.New(), http.NewServeMux()
		for _, p := range patterns {
			if err := r.Handle(p, func(x listener.Exchange) { x.(*fakeExchange).chosen = p }); err != nil {
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

func compareWithMux(t *testing.T, patterns []string, r *routes.Router, mux *http.ServeMux, method, host, path string) {
	t.Helper()
	req := httptest.NewRequest(method, "http://"+host+path, nil)
	want := httptest.NewRecorder()
	mux.ServeHTTP(want, req)
	x := &fakeExchange{method: method, uri: path, host: host, header: http.Header{}}
	r.Serve(x)
	got := fmt.Sprintf("%q %d %s", x.chosen, max(x.status, 200), x.header.Get("Location"))
	wanted := fmt.Sprintf("%q %d %s", want.Header().Get("Chosen"), want.Code, want.Header().Get("Location"))
	if got != wanted {
		t.Errorf("routes %q: %s %s%s: got %s, want %s", patterns, method, host, path, got, wanted)
	}
}

func TestProxyRoutesGetPathsAsTheyWereSent(t *testing.T) {
	r := routes.New()
	for _, p := range []string{"/", "/static/", "/p/", "GET /p/admin"} {
		if err := r.Handle(p, func(x listener.Exchange) { x.(*fakeExchange).chosen = p }); err != nil {
			t.Fatal(err)
		}
	}
	r.PassAsSent("/")
	r.PassAsSent("/p/")
	for _, tc := range []struct{ method, uri, want string }{
		{"GET", "/a//b", `"/" 0 `},
		{"GET", "//a%2Fb/../c?q=1", `"/" 0 `},
		{"POST", "/p//x", `"/p/" 0 `},
		{"OPTIONS", "*", `"/" 0 `},
		// What is not proxied is redirected, and what is encoded stays so.
		{"GET", "/static//a%2Fb?q=%20", `"" 307 /static/a%2Fb?q=%20`},
		{"GET", "/p//admin", `"" 307 /p/admin`}, // is another route, which a second slash does not pass by
		{"GET", "/p/x/../admin", `"" 307 /p/admin`},
		{"GET", "/static", `"" 307 /static/`},
	} {
		x := &fakeExchange{method: tc.method, uri: tc.uri, host: "h", header: http.Header{}}
		r.Serve(x)
		if got := fmt.Sprintf("%q %d %s", x.chosen, x.status, x.header.Get("Location")); got != tc.want {
			t.Errorf("%s %s: got %s, want %s", tc.method, tc.uri, got, tc.want)
		}
	}
	r = routes.New()
	if err := r.Handle("/", func(x listener.Exchange) { x.(*fakeExchange).chosen = "/" }); err != nil {
		t.Fatal(err)
	}
	if x := (&fakeExchange{method: "OPTIONS", uri: "*", header: http.Header{}}); true {
		if r.Serve(x); x.chosen != "" || x.status != 200 {
			t.Errorf("OPTIONS * without a proxy: got %q %d, want an empty 200", x.chosen, x.status)
		}
	}
}

// TestDotsInPlainSightHideNone: what is resolved for the choice of the route must
// not swallow what a backend would resolve differently.
func TestDotsInPlainSightHideNone(t *testing.T) {
	r := routes.New()
	for _, p := range []string{"/p/", "/p/admin/"} {
		if err := r.Handle(p, func(x listener.Exchange) { x.(*fakeExchange).chosen = p }); err != nil {
			t.Fatal(err)
		}
		r.Guard(p)
		r.PassAsSent(p)
	}
	for uri, want := range map[string]string{
		"/p/%2e%2e/../x":           `"" 400`,
		"/p/admin%2fa/../x":        `"" 400`,
		"/p/..%2f../x":             `"" 400`,
		"/p/x/..;a/y":              `"" 400`,
		"/p/x/../admin/a%20b":      `"/p/admin/" 0`,
		"/p/a%20b//c;d":            `"/p/" 0`,
		"/p/x%2fy/../admin%2f../z": `"" 400`,
	} {
		x := &fakeExchange{method: "GET", uri: uri, host: "h", header: http.Header{}}
		r.Serve(x)
		if got := fmt.Sprintf("%q %d", x.chosen, x.status); got != want {
			t.Errorf("%s: got %s, want %s", uri, got, want)
		}
	}
}

func TestBadAndConflictingPatternsAreErrors(t *testing.T) {
	r := routes.New()
	nothing := func(listener.Exchange) {}
	if err := r.Handle("GET /a", nothing); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"GET /a", "/{", "GET", ""} {
		if err := r.Handle(p, nothing); err == nil {
			t.Errorf("pattern %q was taken, want an error", p)
		}
	}
}

func BenchmarkRouterExact(b *testing.B) {
	r := routes.New()
	if err := r.Handle("GET /hello", func(listener.Exchange) {}); err != nil {
		b.Fatal(err)
	}
	x := &exactExchange{}
	b.ReportAllocs()
	for b.Loop() {
		r.Serve(x)
	}
}

type exactExchange struct{ listener.Exchange }

func (*exactExchange) Method() string  { return "GET" }
func (*exactExchange) RawPath() string { return "/hello" }
