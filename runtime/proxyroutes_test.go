//go:build unix

package runtime_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// front is a listener whose routes all lead to one backend.
type front struct {
	app    *runtime.App
	name   string
	url    string
	client *http.Client
}

// failures of the listener by whose fault they are.
func (f front) failures(t *testing.T) control.Failures { return info(t, f.app, f.name).Failures }

// onEachFront runs a test on a listener of each protocol. keys are those of the pool.
func onEachFront(t *testing.T, backend, keys string, test func(t *testing.T, f front)) {
	cert, key, trust := pair(t)
	clients := transports(t, trust)
	h1s := &http.Transport{TLSClientConfig: trust.Clone(), TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}}
	t.Cleanup(h1s.CloseIdleConnections)
	clients["https"] = h1s
	var text strings.Builder
	fmt.Fprintf(&text, "version: 1\npools: {api: {%s backends: {a: {url: %q}}}}\nlisteners:\n", keys, backend)
	for name, protocol := range map[string]string{"http": "http", "https": "http", "http2": "http2", "quic": "quic"} {
		fmt.Fprintf(&text, "  %s: {protocol: %s, address: \"127.0.0.1:0\", routes: [{match: /, proxy: {pool: api}}]", name, protocol)
		if name != "http" {
			fmt.Fprintf(&text, ", tls: {cert_file: %q, key_file: %q}", cert, key)
		}
		text.WriteString("}\n")
	}
	app := open(t, text.String())
	for name, transport := range clients {
		t.Run(name, func(t *testing.T) {
			scheme := "https://"
			if name == "http" {
				scheme = "http://"
			}
			test(t, front{app, name, scheme + info(t, app, name).Address, &http.Client{Transport: transport, Timeout: 20 * time.Second}})
		})
	}
}

// awaitNothing waits until nothing is wrong any more.
func awaitNothing(t *testing.T, what func() string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		got := what()
		if got == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(got)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestClientsThatLeaveGiveTheirBackendBack(t *testing.T) {
	t.Parallel()
	var held atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			held.Add(1)
			<-r.Context().Done()
			held.Add(-1)
			return
		}
		io.WriteString(w, "ok")
	}))
	defer backend.Close()
	onEachFront(t, backend.URL, "max_conns: 4, max_wait: 10s,", func(t *testing.T, f front) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		for range 4 {
			go func() {
				req, _ := http.NewRequestWithContext(ctx, "GET", f.url+"/hold", nil)
				if resp, err := f.client.Do(req); err == nil {
					resp.Body.Close()
				}
			}()
		}
		awaitNothing(t, func() string {
			if n := held.Load(); n != 4 {
				return fmt.Sprintf("%d requests reached the backend, want 4", n)
			}
			return ""
		})
		leave()
		if _, body := answer(t, f.client, f.url+"/"); body != "ok" {
			t.Errorf("got %q, want an answer", body)
		}
		awaitNothing(t, func() string {
			if n := held.Load(); n != 0 {
				return fmt.Sprintf("%d requests are still held", n)
			}
			if got := f.failures(t); got != (control.Failures{Canceled: 4}) {
				return fmt.Sprintf("got %+v, want 4 canceled", got)
			}
			if s, err := f.app.Snapshot(t.Context()); err != nil || s.Pools[0].Backends[0].Errors != 0 {
				return fmt.Sprintf("got %+v, %v, want no error of the backend", s.Pools[0].Backends[0], err)
			}
			return ""
		})
	})
}

func TestSilentStreamsLiveAsLongAsTheirClients(t *testing.T) {
	t.Parallel()
	var open atomic.Int64
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		io.WriteString(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		select {
		case <-time.After(2 * time.Second):
			io.WriteString(w, "data: 2\n\n")
			http.NewResponseController(w).Flush()
		case <-r.Context().Done():
		}
		<-r.Context().Done()
	}))
	defer backend.Close()
	onEachFront(t, backend.URL, "read_timeout: 500ms,", func(t *testing.T, f front) {
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		req, _ := http.NewRequestWithContext(ctx, "GET", f.url+"/", nil)
		resp, err := f.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		r := bufio.NewReader(resp.Body)
		for _, want := range []string{"data: 1\n", "\n", "data: 2\n", "\n"} {
			if got, err := r.ReadString('\n'); got != want {
				t.Fatalf("got %q, %v, want %q", got, err, want)
			}
		}
		leave()
		awaitNothing(t, func() string {
			if n := open.Load(); n != 0 {
				return "the stream goes on without its client"
			}
			if got := f.failures(t); got != (control.Failures{Canceled: 1}) {
				return fmt.Sprintf("got %+v, want 1 canceled", got)
			}
			return ""
		})
	})
}

func TestInterimResponsesPassProxyRoutes(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusContinue) // which nobody asked for
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "ok")
	}))
	defer backend.Close()
	onEachFront(t, backend.URL, "", func(t *testing.T, f front) {
		var seen []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			seen = append(seen, fmt.Sprint(code, " ", header.Get("Link"), " ", header.Get("Content-Type")))
			return nil
		}})
		for _, upload := range []string{"", strings.Repeat("x", 200_000)} {
			seen = nil
			req, _ := http.NewRequestWithContext(ctx, "POST", f.url+"/", strings.NewReader(upload))
			resp, err := f.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, _ := io.ReadAll(resp.Body)
			if want := "[103 </a.css>; rel=preload ]"; fmt.Sprint(seen) != want || string(body) != "ok" || resp.Header.Get("Link") != "" {
				t.Errorf("got %v, then %q %v; want %s", seen, body, resp.Header, want)
			}
		}
	})
}

// TestTargetsReachTheBackendAsTheyAre over HTTP/1.1, where a client may write what it likes.
func TestTargetsReachTheBackendAsTheyAre(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RequestURI) }))
	backend.Config.DisableGeneralOptionsHandler = true
	defer backend.Close()
	app := open(t, fmt.Sprintf("version: 1\npools: {api: {backends: {a: {url: %q}}}}\nlisteners: {web: {address: \"127.0.0.1:0\", routes: [{match: /, proxy: {pool: api}}]}}", backend.URL))
	for _, target := range []string{"/a//b", "//a/b?c", "/a/../b//%7E", "*"} {
		conn, err := net.Dial("tcp", info(t, app, "web").Address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "OPTIONS %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", target)
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if conn.Close(); resp.StatusCode != 200 || string(body) != target {
			t.Errorf("%s: got %s %q", target, resp.Status, body)
		}
	}
}

// TestRefusedUploadsAreTold while they are sent, whether the backend goes on
// reading or not, and the next request finds a connection.
func TestRefusedUploadsAreTold(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" {
			io.WriteString(w, "ok")
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno\n")
		if r.URL.Path == "/reads" {
			io.Copy(io.Discard, conn)
		} else {
			conn.(*net.TCPConn).CloseWrite()
			time.Sleep(time.Second)
		}
	}))
	defer backend.Close()
	onEachFront(t, backend.URL, "max_conns: 2,", func(t *testing.T, f front) {
		for _, path := range []string{"/reads", "/stops"} {
			body, sender := io.Pipe()
			defer sender.Close()
			go io.WriteString(sender, strings.Repeat("x", 20000)) // more than the HTTP/1.1 engine reads before
			req, _ := http.NewRequest("POST", f.url+path, body)
			req.ContentLength = 10 << 20
			began := time.Now()
			resp, err := f.client.Do(req)
			if err != nil {
				t.Fatal(path, err)
			}
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 401 || string(text) != "no\n" || err != nil || time.Since(began) > 5*time.Second {
				t.Errorf("%s: got %s %q, %v after %v, want 401 at once", path, resp.Status, text, err, time.Since(began))
			}
			sender.CloseWithError(io.ErrUnexpectedEOF)
			if _, got := answer(t, f.client, f.url+"/"); got != "ok" {
				t.Errorf("got %q behind it", got)
			}
		}
		if got := f.failures(t); got.Server+got.Backend != 0 {
			t.Errorf("got %+v, want no error", got)
		}
	})
}

// TestBadGatewaysHaveACause in the snapshot, in the events and in the log.
func TestBadGatewaysHaveACause(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for n := 1; ; n++ {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				http.ReadRequest(bufio.NewReader(conn))
				if n%4 != 0 {
					io.WriteString(conn, "nonsense\r\n\r\n")
				}
			}()
		}
	}()
	for _, workers := range []int{0, 2} {
		var log lockedBuffer
		cfg, err := config.Parse("test.yaml", fmt.Appendf(nil, `
version: 1
pools: {api: {backends: {a: {url: "http://%s"}}}}
listeners: {web: {address: "127.0.0.1:0", prefork: {workers: %d}, routes: [{match: /, proxy: {pool: api}}]}}`, ln.Addr(), workers))
		if err != nil {
			t.Fatal(err)
		}
		app := start(t, runtime.Options{Config: cfg, Log: slog.New(slog.NewTextHandler(&log, nil))})
		// Long enough for the sampler to see both kinds of failure by turns.
		for began := time.Now(); time.Since(began) < 4*time.Second; {
			if status, _, _ := fetch(t, "POST", "http://"+info(t, app, "web").Address, ""); status != 502 {
				t.Fatalf("got %d, want 502", status)
			}
		}
		fetch(t, "POST", "http://"+info(t, app, "web").Address, "")
		awaitNothing(t, func() string {
			s, err := app.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b := s.Pools[0].Backends[0]
			if b.LastError == nil || b.LastError.Kind != "malformed" && b.LastError.Kind != "closed" || time.Since(b.LastError.At) > time.Minute {
				return fmt.Sprintf("%d workers: got %+v, want what it failed of", workers, b.LastError)
			}
			told := 0
			for _, e := range s.Events {
				if strings.HasPrefix(e.Message, "backend api/a failed: its answer is malformed") {
					told++
				}
			}
			if told != 1 {
				return fmt.Sprintf("%d workers: %d events tell of it, want 1", workers, told)
			}
			return ""
		})
		// Of hundreds each kind is logged once in ten seconds.
		text := log.String()
		if n := strings.Count(text, "backend failed"); workers == 0 && (n < 2 || n > 10 || !strings.Contains(text, "kind=malformed")) {
			t.Errorf("the log tells %q", text)
		}
	}
}

// lockedBuffer is a log that can be read meanwhile.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestGETsAreRepeatedWhereAKeptConnectionBreaks on every protocol: the backend
// resets each connection at its second request.
func TestGETsAreRepeatedWhereAKeptConnectionBreaks(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	framed := make(chan string, 100)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for first := true; ; first = false {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if len(req.TransferEncoding) > 0 || req.ContentLength != 0 {
						framed <- fmt.Sprint(req.TransferEncoding, req.ContentLength)
					}
					if !first {
						conn.(*net.TCPConn).SetLinger(0)
						return
					}
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			}()
		}
	}()
	onEachFront(t, "http://"+ln.Addr().String(), "", func(t *testing.T, f front) {
		for i := range 10 {
			if resp, body := answer(t, f.client, f.url+"/"); resp.StatusCode != 200 || body != "ok" {
				t.Fatalf("request %d: got %s %q", i, resp.Status, body)
			}
		}
		select {
		case how := <-framed:
			t.Errorf("the backend got a GET with a body: %s", how)
		default:
		}
		if got := f.failures(t); got != (control.Failures{}) {
			t.Errorf("got %+v, want no failure", got)
		}
	})
}

// TestBrokenAnswersArriveBroken on every protocol, small or large, and are the
// backend's fault.
func TestBrokenAnswersArriveBroken(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", "200000")
		}
		io.WriteString(w, strings.Repeat("x", 100_000))
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer backend.Close()
	onEachFront(t, backend.URL, "", func(t *testing.T, f front) {
		for i, path := range []string{"/length", "/chunks"} {
			resp, err := f.client.Get(f.url + path)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Errorf("%s: half an answer passed for the whole", path)
			}
			awaitNothing(t, func() string {
				if got, want := f.failures(t), (control.Failures{Backend: uint64(i) + 1}); got != want {
					return fmt.Sprintf("%s: got %+v, want %+v", path, got, want)
				}
				return ""
			})
		}
	})
}
