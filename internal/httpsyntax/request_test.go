package httpsyntax_test

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/internal/httpsyntax"
)

func TestRefusal(t *testing.T) {
	for _, row := range []struct {
		method, target, host string
		want                 int
	}{
		{"GET", "/", "test", 0},
		{"GET", "/a%20b?q=%zz", "test:80", 0},
		{"M-SEARCH", "/\xff\"<>\\", "[::1]:8080", 0},
		{"GET", "http://other/x?y", "test", 0},
		{"GET", "HTTPS://[::1]?q", "", 0},
		{"OPTIONS", "*", "test", 0},
		{"GET", "//admin.internal/x", "test", 0},
		{"GET", "/?u=http://x/ ", "test", 400},

		{"CONNECT", "test:443", "test:443", 501},
		{"CONNECT", "/", "test", 501},
		{"", "/", "test", 400},
		{"GET /admin/delete?x=", "/", "test", 400},
		{"GET\r\nX: y", "/", "test", 400},
		{"G(T", "/", "test", 400},
		{"GET", "", "test", 400},
		{"GET", "*", "test", 400},
		{"GET", "x", "test", 400},
		{"GET", "/p/x HTTP/1.0 y", "test", 400},
		{"GET", "/\t", "test", 400},
		{"GET", "/\x00", "test", 400},
		{"GET", "/\x7f", "test", 400},
		{"GET", "/a\nb", "test", 400},
		{"GET", "/a?b#c", "test", 0}, // is cut off where it matters
		{"GET", "/a#b", "test", 400},
		{"GET", "http://a#b", "test", 400},
		{"GET", "/%zz", "test", 400},
		{"GET", "/a%2", "test", 400},
		{"GET", "/%", "test", 400},
		{"GET", "http://", "test", 400},
		{"GET", "http:///x", "test", 400},
		{"GET", "http://?x", "test", 400},
		{"GET", "http://u:p@other/", "test", 400},
		{"GET", "ftp://other/", "test", 400},
		{"GET", "http://other/%x", "test", 400},

		{"GET", "/", "a b", 400},
		{"GET", "/", "a\x00b", 400},
		{"GET", "/", "a/b?c", 400},
		{"GET", "/", "a?b", 400},
		{"GET", "/", "user@host", 400},
		{"GET", "/", "a\r\nb", 400},
		{"GET", "/", "a,b", 0}, // a registered name may
		{"GET", "/", ":80", 400},
		{"GET", "/", "a:b", 400},
		{"GET", "/", "a:1:2", 400},
		{"GET", "/", "a:123456", 400},
		{"GET", "/", "[::1", 400},
		{"GET", "/", "[name]", 400},
		{"GET", "/", "[::1]x", 400},
		{"GET", "/", "[]", 400},
		{"GET", "/", "[", 400},
	} {
		if got := httpsyntax.Refusal(row.method, row.target, row.host); got != row.want {
			t.Errorf("%q %q of %q: refused with %d, want %d", row.method, row.target, row.host, got, row.want)
		}
		if got := httpsyntax.Refusal([]byte(row.method), []byte(row.target), []byte(row.host)); got != row.want {
			t.Errorf("%q %q of %q as bytes: refused with %d, want %d", row.method, row.target, row.host, got, row.want)
		}
	}
}

func TestRefusalAllocatesNothing(t *testing.T) {
	method, target, host := []byte("GET"), []byte("http://example.com/a/long/path?with=a&query=too"), []byte("example.com:8080")
	if n := testing.AllocsPerRun(100, func() { httpsyntax.Refusal(method, target, host) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTargetHost(t *testing.T) {
	for target, want := range map[string]string{
		"http://a.b:1/x": "a.b:1", "HTTPS://[::1]?q": "[::1]", "http://a": "a", "/http://a/": "", "*": "", "": "", "//a/": "",
	} {
		if got := httpsyntax.TargetHost(target); got != want {
			t.Errorf("%q: host %q, want %q", target, got, want)
		}
	}
}

func TestSameHost(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{
		{"Example.com", "eXAMPLE.COM", true}, {"a", "b", false}, {"a", "a:80", false}, {"@", "`", false}, {"[::A]:1", "[::a]:1", true},
	} {
		if got := httpsyntax.SameHost(row.a, row.b); got != row.want {
			t.Errorf("%q and %q: %v", row.a, row.b, got)
		}
	}
}

// FuzzRefusal writes what is accepted into a request and has net/http read it:
// it must be read as one request with the same three parts.
func FuzzRefusal(f *testing.F) {
	f.Add("GET", "/p/x?y", "test:80")
	f.Add("GET /x?", "/ HTTP/1.0", "a\r\nb")
	f.Add("OPTIONS", "*", "[::1]")
	f.Add("PUT", "http://a.b/c%20d?e", "")
	f.Fuzz(func(t *testing.T, method, target, host string) {
		if httpsyntax.Refusal(method, target, host) != 0 {
			return
		}
		r := bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"))
		got, err := http.ReadRequest(r)
		if err != nil {
			if _, urlErr := url.ParseRequestURI(target); urlErr != nil {
				return // a host that net/url is choosier about
			}
			t.Fatalf("%q %q of %q: %v", method, target, host, err)
		}
		if got.Method != method || got.RequestURI != target || r.Buffered() != 0 {
			t.Errorf("%q %q of %q is read as %q %q of %q", method, target, host, got.Method, got.RequestURI, got.Host)
		}
		if target[0] == '/' && got.Host != host {
			t.Errorf("host %q is read as %q", host, got.Host)
		}
	})
}
