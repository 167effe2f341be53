//go:build unix

package runtime_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// secure is a config with TLS.
func secure(protocol, cert, key string, workers int, more string) string {
	return fmt.Sprintf(`
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    protocol: %s
    tls: {cert_file: %q, key_file: %q}
    prefork: {workers: %d}
    routes:
      - {match: "GET /hello", respond: {body: "Hello, World!\n"}}
%s
`, protocol, cert, key, workers, more)
}

func over2(trust *tls.Config) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP2(true)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), Protocols: p}, Timeout: 10 * time.Second}
}

// answer of a GET, and the response without its body.
func answer(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestRoutesOverHTTP2(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s by %s", r.Method, r.URL.Path, r.Header.Get("X-Forwarded-Proto"))
	}))
	defer backend.Close()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.txt"), "file a")
	os.Mkdir(filepath.Join(dir, "sub"), 0o755)
	writeFile(t, filepath.Join(dir, "sub", "index.html"), "index")
	os.Symlink("/etc/passwd", filepath.Join(dir, "escape"))
	cert, key, trust := pair(t)
	for _, workers := range []int{0, 2} {
		app := open(t, secure("http2", cert, key, workers, fmt.Sprintf(`
      - {match: "/static/", files: {root: %q}}
      - {match: "/api/", proxy: {pool: api}}
      - {match: "GET /stats", stats: {}}
pools: {api: {backends: {a: {url: %q}}}}`, dir, backend.URL)))
		base, c := "https://"+info(t, app, "web").Address, over2(trust)
		for path, want := range map[string]string{
			"/hello": "200 Hello, World!\n", "/static/a.txt": "200 file a", "/static/sub": "200 index",
			"/static/": "403 forbidden\n", "/static/none": "404 404 page not found\n",
			"/static/escape": "404 404 page not found\n", "/static/..%2fx": "400 the path has another meaning once it is decoded\n",
			"/api/x": "200 GET /api/x by https", "/none": "404 404 page not found\n",
		} {
			resp, body := answer(t, c, base+path)
			if got := fmt.Sprint(resp.StatusCode, " ", body); got != want || resp.ProtoMajor != 2 {
				t.Errorf("%s: %s %q, want %q", path, resp.Proto, got, want)
			}
		}
		if _, body := answer(t, c, base+"/stats"); !strings.Contains(body, `"active_connections":1`) {
			t.Errorf("stats %s", body)
		}
		req, _ := http.NewRequest("GET", base+"/static/a.txt", nil)
		req.Header.Set("Range", "bytes=5-")
		resp, err := c.Do(req)
		if err != nil || resp.StatusCode != 206 {
			t.Fatalf("range: %v %v", resp, err)
		}
		resp.Body.Close()
		c.CloseIdleConnections()
	}
}

func TestBadCertificateIsRefusedByName(t *testing.T) {
	_, key, _ := pair(t)
	other, _, _ := pair(t)
	for want, text := range map[string]string{
		"listener web: tls: cert_file: stat /none.pem": secure("http", "/none.pem", key, 0, ""),
		"does not match": secure("http", other, key, 0, ""),
		"listener web: tls: " + other + " with " + other: secure("http", other, other, 0, ""),
	} {
		path := filepath.Join(t.TempDir(), "my.yaml")
		writeFile(t, path, text)
		app, err := runtime.Open(context.Background(), runtime.Options{ConfigPath: path})
		if err == nil {
			app.Shutdown(context.Background())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// serial of the certificate that a new connection is shown.
func serial(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return string(c.ConnectionState().PeerCertificates[0].Raw)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(data))
}

func TestChangedCertificateIsServedAndABrokenOneIsNot(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{0, 2} {
		cert, key, trust := pair(t)
		app := open(t, secure("http2", cert, key, workers, ""))
		address := info(t, app, "web").Address
		c := over2(trust)
		answer(t, c, "https://"+address+"/hello")
		first := serial(t, address)

		writeFile(t, cert, "broken")
		l := await(t, app, "web", "the broken pair is told", func(l control.ListenerInfo) bool { return l.Reason != "" })
		if l.State != control.StateServing || !strings.Contains(l.Reason, cert) || serial(t, address) != first {
			t.Errorf("with a broken pair: %s (%s)", l.State, l.Reason)
		}
		newCert, newKey, _ := pair(t)
		copyFile(t, newCert, cert)
		copyFile(t, newKey, key)
		await(t, app, "web", "the new pair is served", func(l control.ListenerInfo) bool {
			return l.Reason == "" && serial(t, address) != first
		})
		if resp, _ := answer(t, c, "https://"+address+"/hello"); string(resp.TLS.PeerCertificates[0].Raw) != first {
			t.Error("the open connection was not kept")
		}
	}
}

func TestEventsOfACertificateNameItsListeners(t *testing.T) {
	t.Parallel()
	cert, key, _ := pair(t)
	other, otherKey, _ := pair(t)
	app := open(t, fmt.Sprintf(`
version: 1
listeners:
  b: {address: "127.0.0.1:0", protocol: http2, tls: {cert_file: %[1]q, key_file: %[2]q}}
  a: {address: "127.0.0.1:0", protocol: quic, tls: {cert_file: %[1]q, key_file: %[2]q}}
  c: {address: "127.0.0.1:0", protocol: http2, tls: {cert_file: %[3]q, key_file: %[4]q}}
  d: {address: "127.0.0.1:0", protocol: http2, tls: {cert_file: %[1]q, key_file: %[2]q}, enabled: false}
`, cert, key, other, otherKey))
	newCert, newKey, _ := pair(t)
	copyFile(t, newCert, cert)
	copyFile(t, newKey, key)
	awaitEvent(t, app, "a, b: a new certificate is served from "+cert)
	writeFile(t, other, "broken")
	awaitEvent(t, app, "c: the old certificate stays in use")
}

func awaitEvent(t *testing.T, app *runtime.App, begins string) {
	t.Helper()
	var last []control.Event
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		last = s.Events
		if slices.ContainsFunc(last, func(e control.Event) bool { return strings.HasPrefix(e.Message, begins) }) {
			return
		}
	}
	t.Fatalf("no event begins with %q: %v", begins, last)
}

// Who is told that a reload is done must find the certificate replaced.
func TestReloadServesAReplacedCertificateAtOnce(t *testing.T) {
	for _, workers := range []int{0, 2} {
		cert, key, _ := pair(t)
		app, _ := openFile(t, secure("http2", cert, key, workers, ""))
		address := info(t, app, "web").Address
		first := serial(t, address)
		newCert, newKey, _ := pair(t)
		copyFile(t, newCert, cert)
		copyFile(t, newKey, key)
		if _, err := app.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if serial(t, address) == first {
			t.Errorf("%d workers: the old certificate is served after the reload", workers)
		}
	}
}

func TestSessionsResumeInAnotherWorker(t *testing.T) {
	cert, key, trust := pair(t)
	app := open(t, secure("http", cert, key, 2, ""))
	l := await(t, app, "web", "two workers", workersReady(2))
	config := trust.Clone()
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	accepted := func() (n int) {
		for _, w := range info(t, app, "web").Workers {
			if w.Connections.Total > 0 {
				n++
			}
		}
		return n
	}
	resumed := 0
	for i := range 100 {
		c, err := tls.Dial("tcp", l.Address, config)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		io.Copy(io.Discard, c)
		if c.ConnectionState().DidResume {
			resumed++
		}
		c.Close()
		if i >= 9 && accepted() == 2 {
			if resumed != i {
				t.Errorf("%d of %d later sessions were resumed", resumed, i)
			}
			return
		}
	}
	t.Error("all connections reached one worker")
}

func TestProtocolChangesWithoutANewSocket(t *testing.T) {
	cert, key, trust := pair(t)
	app := open(t, secure("http", cert, key, 0, ""))
	address := info(t, app, "web").Address
	c := over2(trust)
	c.Transport.(*http.Transport).Protocols.SetHTTP1(true)
	if resp, _ := answer(t, c, "https://"+address+"/hello"); resp.ProtoMajor != 1 {
		t.Errorf("spoke %s", resp.Proto)
	}
	set(t, app, "listeners.web.protocol=http2")
	await(t, app, "web", "the old connection leaves", noConnections)
	if resp, _ := answer(t, c, "https://"+address+"/hello"); resp.ProtoMajor != 2 || info(t, app, "web").Address != address {
		t.Errorf("spoke %s on %s", resp.Proto, info(t, app, "web").Address)
	}
}

func TestIdleTimeoutEditReachesHTTP2InWorkers(t *testing.T) {
	cert, key, trust := pair(t)
	app := open(t, secure("http2", cert, key, 2, ""))
	c := over2(trust)
	answer(t, c, "https://"+info(t, app, "web").Address+"/hello")
	await(t, app, "web", "one idle connection", func(l control.ListenerInfo) bool { return l.Connections.Idle == 1 })
	set(t, app, "listeners.web.timeouts.idle=50ms")
	await(t, app, "web", "it ends", func(l control.ListenerInfo) bool {
		return l.Connections.Idle == 0 && l.Connections.TimedOut == 1
	})
}

func TestResizeUnderHTTP2LoadLosesNothing(t *testing.T) {
	cert, key, trust := pair(t)
	app := open(t, secure("http2", cert, key, 2, ""))
	url := "https://" + info(t, app, "web").Address + "/hello"
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var done sync.WaitGroup
	var requests, failed atomic.Uint64
	for range 4 {
		c := over2(trust)
		for range 3 {
			done.Go(func() {
				for ctx.Err() == nil {
					resp, err := c.Get(url)
					if err == nil {
						_, err = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					if err != nil {
						failed.Add(1)
						t.Log(err)
					}
					requests.Add(1)
				}
				c.CloseIdleConnections()
			})
		}
	}
	for _, n := range []string{"4", "1", "3"} {
		set(t, app, "listeners.web.prefork.workers="+n)
		before := requests.Load()
		for requests.Load() < before+100 {
			time.Sleep(time.Millisecond)
		}
	}
	await(t, app, "web", "three workers are left", func(l control.ListenerInfo) bool { return len(l.Workers) == 3 })
	stop()
	done.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), requests.Load())
	}
}
