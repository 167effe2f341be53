//go:build unix

package runtime_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Routes are access rules: a path that a backend or the file system would decode
// to one of another route must not pass by that route, over no protocol.
func TestNoEncodingPassesByARoute(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "backend got "+r.RequestURI)
	}))
	t.Cleanup(backend.Close)
	root := t.TempDir()
	check(t, os.MkdirAll(filepath.Join(root, "secret"), 0o755))
	check(t, os.WriteFile(filepath.Join(root, "secret", "x"), []byte("a secret"), 0o644))
	check(t, os.WriteFile(filepath.Join(root, "a;b c"), []byte("a file"), 0o644))
	app := open(t, fmt.Sprintf(`
version: 1
listeners:
  web:
    protocol: http2
    h2c: true
    address: 127.0.0.1:0
    routes:
      - {match: /p/, proxy: {pool: api}}
      - {match: /p/admin/, respond: {status: 403, body: forbidden}}
      - {match: /p/exact, respond: {status: 403, body: forbidden}}
      - {match: /f/, files: {root: %s}}
      - {match: /f/secret/, respond: {status: 403, body: forbidden}}
pools: {api: {backends: {a: {url: '%s'}}}}
`, root, backend.URL))
	const refused, forbidden = "400", "403"
	for path, want := range map[string]string{
		"/p/x":                             "backend got /p/x",
		"/p/group%2Fproject?q=%2e%2e":      "backend got /p/group%2Fproject?q=%2e%2e", // slashes within a name are common in APIs
		"/p/a;v=1/%7e%C3%A4/...":           "backend got /p/a;v=1/%7e%C3%A4/...",
		"/p/%252e%252e/admin":              "backend got /p/%252e%252e/admin", // encoded twice: a name
		"/p/admin/x":                       forbidden,
		"/p/%61dmin/x":                     forbidden,
		"/p/x/%2e%2e/admin/":               refused,
		"/p/x/.%2E/admin/":                 refused,
		"/p/x/..%2fadmin/":                 refused,
		"/p/%2e%2e%2f%2e%2e/etc":           refused,
		"/p/%2e/admin/":                    refused,
		"/p/admin%2fx":                     refused,
		"/p%2fadmin%2fx":                   "404",
		"/p/%2Fadmin/x":                    refused,
		"/p/x%5c..%5cadmin/":               refused,
		"/p/x/..;a/admin/":                 refused,
		"/p/%2e%2e;/admin/":                refused,
		"/p/exac%74":                       forbidden,
		"/p/exact%2f":                      "backend got /p/exact%2f",
		"/p/y/%2e%2e":                      refused,
		"/f/a;b%20c":                       "a file",
		"/f/secret/x":                      forbidden,
		"/f/secret%2fx":                    refused,
		"/f/x/%2e%2e/secret/x":             refused,
		"/f/%2e%2e/%2e%2e/etc/passwd":      refused,
		"/f/..%2f..%2fetc/passwd":          refused,
		"/f/secre%74/x":                    forbidden,
		"/f/" + strings.Repeat("%2e", 3):   "404",
		"/p/" + strings.Repeat("%2e", 3):   "backend got /p/%2e%2e%2e",
		"/p/a%2f%2e%2e%2f%2e%2e/admin/x":   refused,
		"/p/x/%2e%2e/%61dmin/?/p/x":        refused,
		"/p/x/%2e%2e%2fadmin%2f..%2fexact": refused,
	} {
		for protocol, got := range map[string]string{"HTTP/1.1": askRaw(t, info(t, app, "web").Address, path), "HTTP/2": askH2C(t, info(t, app, "web").Address, path)} {
			status, body, _ := strings.Cut(got, " ")
			if status != want && !(status == "200" && body == want) {
				t.Errorf("%s over %s: %s, want %s", path, protocol, got, want)
			}
		}
	}
	for _, path := range []string{`/p/x/..\admin/`, `/p/admin\x`} { // which clients of net/http cannot send
		if got := askRaw(t, info(t, app, "web").Address, path); !strings.HasPrefix(got, refused) {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// askRaw sends a path as it is over HTTP/1.1 and gives the status and the body.
func askRaw(t *testing.T, addr, path string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	check(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", path)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	check(t, err)
	return responseOf(t, resp)
}

func askH2C(t *testing.T, addr, path string) string {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Get("http://" + addr + path)
	check(t, err)
	return responseOf(t, resp)
}

func responseOf(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	check(t, err)
	if !slices.Contains([]int{200, 400, 403, 404}, resp.StatusCode) {
		t.Errorf("status %d", resp.StatusCode)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, body)
}
