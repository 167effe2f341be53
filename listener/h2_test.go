package listener_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/listener"
)

// certificate is a self-signed one for loopback.
func certificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	cert, key, err := selfsigned.Certificate{Hosts: []string{name, "localhost", "127.0.0.1"}, Expires: time.Now().Add(time.Hour)}.PEM()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func serverTLS(t testing.TB) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate(t, "first")}, MinVersion: tls.VersionTLS12}
}

// startH2 is start over TLS with HTTP/2.
func startH2(t testing.TB, limits listener.Limits, h listener.Handler) *endpoint {
	e := start(t, limits, h)
	e.SetTransport(listener.Transport{TLS: serverTLS(t), HTTP2: true})
	return e
}

// startH2C is start in clear, with HTTP/2 by prior knowledge.
func startH2C(t testing.TB, limits listener.Limits, h listener.Handler) *endpoint {
	e := start(t, limits, h)
	e.SetTransport(listener.Transport{HTTP2: true})
	return e
}

// web is a client of net/http that speaks what configure says.
func web(t testing.TB, configure func(*http.Protocols)) *http.Client {
	p := new(http.Protocols)
	configure(p)
	tr := &http.Transport{
		Protocols: p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		MaxResponseHeaderBytes: 1 << 20,
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 15 * time.Second}
}

func h2Client(t testing.TB) *http.Client {
	return web(t, func(p *http.Protocols) { p.SetHTTP2(true); p.SetUnencryptedHTTP2(true) })
}

func h1Client(t testing.TB) *http.Client {
	return web(t, func(p *http.Protocols) { p.SetHTTP1(true) })
}

func fetch(t testing.TB, c *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	resp, text, err := tryFetch(c, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, text
}

func tryFetch(c *http.Client, method, url, body string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestTwoProtocolsShareOnePortByALPN(t *testing.T) {
	e := startH2(t, keepAlive, echo)
	for proto, c := range map[string]*http.Client{"HTTP/2.0": h2Client(t), "HTTP/1.1": h1Client(t)} {
		resp, body := fetch(t, c, "POST", "https://"+e.addr+"/a%20b", "hello")
		if resp.Proto != proto || body != "POST /a b hello" {
			t.Errorf("%s %q, want %s", resp.Proto, body, proto)
		}
	}
	if got := e.Counters().Load(); got.Requests != 2 || got.Accepted != 2 || got.Failures != (listener.Failures{}) {
		t.Errorf("counted %d requests on %d connections, failures %+v", got.Requests, got.Accepted, got.Failures)
	}
	e.wantGauges(0, 2)
}

func TestCleartextHTTP2ByPriorKnowledge(t *testing.T) {
	e := startH2C(t, keepAlive, echo)
	for proto, c := range map[string]*http.Client{
		"HTTP/2.0": web(t, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }), "HTTP/1.1": h1Client(t),
	} {
		resp, body := fetch(t, c, "PUT", "http://"+e.addr+"/x", "hello")
		if resp.Proto != proto || body != "PUT /x hello" {
			t.Errorf("%s %q, want %s", resp.Proto, body, proto)
		}
	}
}

func TestWithoutHTTP2TLSSpeaksHTTP1(t *testing.T) {
	e := start(t, keepAlive, hello)
	e.SetTransport(listener.Transport{TLS: serverTLS(t)})
	c := web(t, func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) })
	if resp, _ := fetch(t, c, "GET", "https://"+e.addr+"/", ""); resp.Proto != "HTTP/1.1" {
		t.Errorf("spoke %s", resp.Proto)
	}
}

func TestPlainHTTPOnATLSPortIsTold(t *testing.T) {
	e := startH2(t, keepAlive, hello)
	c := e.dial()
	c.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
	c.wantStatus(400)
}

func TestStreamsShareAConnection(t *testing.T) {
	const n = 20
	var inside sync.WaitGroup
	inside.Add(n)
	release := make(chan struct{})
	e := startH2(t, keepAlive, func(x listener.Exchange) {
		if x.Path() == "/first" {
			return
		}
		inside.Done()
		<-release
		x.WriteString("ok")
	})
	c := h2Client(t)
	fetch(t, c, "GET", "https://"+e.addr+"/first", "")
	var done sync.WaitGroup
	for range n {
		done.Go(func() {
			if _, body, err := tryFetch(c, "GET", "https://"+e.addr+"/", ""); err != nil || body != "ok" {
				t.Errorf("%q, %v", body, err)
			}
		})
	}
	inside.Wait()
	e.wantGauges(1, 0)
	if got := e.Connections(nil); len(got) != 1 || got[0].Requests != n+1 || got[0].State != listener.StateStreams {
		t.Errorf("connections: %+v", got)
	}
	close(release)
	done.Wait()
	e.wantGauges(0, 1)
	if got := e.Counters().Load(); got.Requests != n+1 || got.BytesIn == 0 || got.BytesOut == 0 || got.Percentile(1) == 0 {
		t.Errorf("counted %d requests, %d and %d bytes, p100 %v", got.Requests, got.BytesIn, got.BytesOut, got.Percentile(1))
	}
}

func TestHTTP2LimitsAreLive(t *testing.T) {
	e := startH2(t, keepAlive, echo)
	c := h2Client(t)
	url := "https://" + e.addr + "/"
	status := func(body string, fields ...string) int {
		req, _ := http.NewRequest("POST", url, struct{ io.Reader }{strings.NewReader(body)}) // of unknown length
		for i := 0; i < len(fields); i += 2 {
			req.Header.Set(fields[i], fields[i+1])
		}
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body) // closed before its end, it would be cancelled
		resp.Body.Close()
		return resp.StatusCode
	}
	long := strings.Repeat("x", 9000)
	if a, b := status(long), status("", "Long", long); a != 200 || b != 200 {
		t.Fatalf("status %d and %d without limits", a, b)
	}
	e.SetLimits(listener.Limits{KeepAlive: true, MaxRequestBytes: 8000, MaxHeaderBytes: 8000})
	if a, b, c := status(long), status("", "Long", long), status("short"); a != 413 || b != 431 || c != 200 {
		t.Errorf("status %d, %d and %d, want 413, 431 and 200", a, b, c)
	}
	if got := e.Connections(nil); len(got) != 1 {
		t.Errorf("%d connections, want one throughout", len(got))
	}
	if got := e.Counters().Load().Failures; got != (listener.Failures{Client: 2}) {
		t.Errorf("failures %+v, want two of clients", got)
	}
}

func TestIdleTimeoutReachesOpenHTTP2Connections(t *testing.T) {
	e := startH2(t, keepAlive, hello)
	c := h2Client(t)
	fetch(t, c, "GET", "https://"+e.addr+"/", "")
	e.wantGauges(0, 1)
	e.SetLimits(listener.Limits{KeepAlive: true, Idle: 50 * time.Millisecond})
	e.wantGauges(0, 0)
	if got := e.Counters().Load().TimedOut; got != 1 {
		t.Errorf("%d timed out, want 1", got)
	}
	if _, body := fetch(t, c, "GET", "https://"+e.addr+"/", ""); body != "hello" {
		t.Errorf("body %q on a new connection", body)
	}
}

func TestSilentTLSClientIsDismissed(t *testing.T) {
	e := startH2(t, listener.Limits{ReadHeader: 50 * time.Millisecond}, hello)
	e.dial().wantEnd(5 * time.Second)
	e.wantGauges(0, 0)
}

func TestResponseTimeoutEndsAStreamAlone(t *testing.T) {
	gone := make(chan struct{})
	e := startH2(t, keepAlive, func(x listener.Exchange) {
		if x.Path() == "/slow" {
			_, r, _ := listener.NetHTTP(x)
			<-r.Context().Done()
			close(gone)
		}
		x.WriteString("hello")
	})
	c := h2Client(t)
	failed := make(chan error, 1)
	go func() {
		_, _, err := tryFetch(c, "GET", "https://"+e.addr+"/slow", "")
		failed <- err
	}()
	e.wantGauges(1, 0)
	e.SetLimits(listener.Limits{KeepAlive: true, Response: 50 * time.Millisecond})
	if err := <-failed; err == nil {
		t.Error("a response came after its time")
	}
	<-gone
	fetch(t, c, "GET", "https://"+e.addr+"/", "")
	if got := e.Counters().Load(); got.Accepted != 1 || got.TimedOut != 1 {
		t.Errorf("%d connections, %d timed out, want 1 and 1", got.Accepted, got.TimedOut)
	}
}

func TestReadTimeoutEndsAStreamAlone(t *testing.T) {
	e := startH2(t, keepAlive, echo)
	c := h2Client(t)
	body, feed := io.Pipe()
	defer feed.Close()
	status := make(chan int, 1)
	go func() {
		req, _ := http.NewRequest("POST", "https://"+e.addr+"/", body)
		resp, err := c.Do(req)
		if err != nil {
			t.Error(err)
			status <- 0
			return
		}
		resp.Body.Close()
		status <- resp.StatusCode
	}()
	io.WriteString(feed, "a beginning")
	e.wantGauges(1, 0)
	e.SetLimits(listener.Limits{KeepAlive: true, Read: 50 * time.Millisecond})
	if got := <-status; got != 408 {
		t.Errorf("status %d, want 408", got)
	}
	e.wantGauges(0, 1)
}

func TestHandlerOfNetHTTPStreams(t *testing.T) {
	e := startH2(t, keepAlive, func(x listener.Exchange) {
		w, r, ok := listener.NetHTTP(x)
		if !ok || r.TLS == nil || r.ProtoMajor != 2 {
			t.Errorf("NetHTTP %v, %+v", ok, r)
		}
		w.Header().Set("Trailer", "Sum")
		io.WriteString(w, "one ")
		http.NewResponseController(w).Flush()
		io.WriteString(w, "two")
		w.Header().Set("Sum", "7")
	})
	resp, body := fetch(t, h2Client(t), "GET", "https://"+e.addr+"/", "")
	if body != "one two" || resp.Trailer.Get("Sum") != "7" {
		t.Errorf("body %q, trailer %v", body, resp.Trailer)
	}
}

func TestPanicUnderHTTP2IsAnswered(t *testing.T) {
	e := startH2(t, keepAlive, func(x listener.Exchange) {
		x.WriteString("half")
		panic("no")
	})
	c := h2Client(t)
	for range 2 {
		if resp, _ := fetch(t, c, "GET", "https://"+e.addr+"/", ""); resp.StatusCode != 500 {
			t.Errorf("status %d, want 500", resp.StatusCode)
		}
	}
	if got := e.Counters().Load(); got.Accepted != 1 || got.Failures != (listener.Failures{Server: 2}) {
		t.Errorf("%d connections, failures %+v", got.Accepted, got.Failures)
	}
}

func TestStreamedBodyOverHTTP2(t *testing.T) {
	e := startH2(t, keepAlive, func(x listener.Exchange) {
		size := int64(300_000)
		if x.Path() == "/unknown" {
			size = -1
		}
		x.SetBodyStream(strings.NewReader(strings.Repeat("y", 300_000)), size)
	})
	c := h2Client(t)
	for _, path := range []string{"/", "/unknown"} {
		if _, body := fetch(t, c, "GET", "https://"+e.addr+path, ""); len(body) != 300_000 {
			t.Errorf("%s: %d bytes", path, len(body))
		}
	}
	if resp, _ := fetch(t, c, "HEAD", "https://"+e.addr+"/", ""); resp.ContentLength != 300_000 {
		t.Errorf("HEAD says %d", resp.ContentLength)
	}
}

func TestCertificateIsReplacedUnderOpenConnections(t *testing.T) {
	e := startH2(t, keepAlive, hello)
	subject := func(c *http.Client) string {
		resp, _ := fetch(t, c, "GET", "https://"+e.addr+"/", "")
		return resp.TLS.PeerCertificates[0].Subject.CommonName
	}
	old := h2Client(t)
	if got := subject(old); got != "first" {
		t.Fatalf("certificate %q", got)
	}
	e.SetTransport(listener.Transport{HTTP2: true, TLS: &tls.Config{
		Certificates: []tls.Certificate{certificate(t, "second")}, MinVersion: tls.VersionTLS12}})
	if a, b := subject(old), subject(h2Client(t)); a != "first" || b != "second" {
		t.Errorf("open connection has %q, a new one %q", a, b)
	}
}

func TestDrainUnderHTTP2LoadLosesNothing(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) { drainUnderH2Load(t, method) })
	}
}

// drainUnderH2Load moves clients from one server to another on the same socket.
func drainUnderH2Load(t *testing.T, method string) {
	e := startH2(t, keepAlive, echo)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var requests, failures atomic.Uint64
	var clients sync.WaitGroup
	for range 4 {
		c := h2Client(t)
		for range 4 {
			clients.Go(func() {
				for ctx.Err() == nil {
					req, _ := http.NewRequest(method, "https://"+e.addr+"/", struct{ io.Reader }{strings.NewReader("body")})
					if method == "GET" {
						req.Body = nil
					}
					resp, err := c.Do(req)
					if err != nil && strings.Contains(err.Error(), "cannot rewind body after connection loss") {
						continue // net/http's client gave up before it sent anything
					}
					if err == nil {
						_, err = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					if err != nil && !errors.Is(err, context.Canceled) {
						failures.Add(1)
						t.Log(err)
					}
					requests.Add(1)
				}
			})
		}
	}
	server := e.Server
	for range 4 {
		before := requests.Load()
		eventually(t, "load", func() bool { return requests.Load() > before+50 })
		next := listener.NewServer(listener.ServerConfig{Handler: echo, Limits: keepAlive,
			Transport: listener.Transport{TLS: serverTLS(t), HTTP2: true}})
		ln, err := e.sockets.Listener(0)
		if err != nil {
			t.Fatal(err)
		}
		go next.Serve(ln)
		t.Cleanup(func() { next.Close() })
		if forced, err := server.Drain(within(t, 10*time.Second)); err != nil || forced != 0 {
			t.Fatalf("drain: %d forced, %v", forced, err)
		}
		server = next
	}
	stop()
	clients.Wait()
	if failures.Load() > 0 {
		t.Errorf("%d of %d requests failed", failures.Load(), requests.Load())
	}
}

func TestKeepAliveOffEndsHTTP2ConnectionsGently(t *testing.T) {
	e := startH2(t, listener.Limits{}, echo)
	c := h2Client(t)
	for range 3 {
		fetch(t, c, "GET", "https://"+e.addr+"/", "")
		e.wantGauges(0, 0)
	}
	if got := e.Counters().Load().Accepted; got != 3 {
		t.Errorf("%d connections for 3 requests", got)
	}
}

func TestClientsComeAgainWhenTLSIsSwitchedOn(t *testing.T) {
	e := start(t, keepAlive, hello)
	c := h1Client(t)
	fetch(t, c, "GET", "http://"+e.addr+"/", "")
	e.wantGauges(0, 1)
	e.SetTransport(listener.Transport{TLS: serverTLS(t), HTTP2: true})
	e.wantGauges(0, 0)
	if resp, _ := fetch(t, h2Client(t), "GET", "https://"+e.addr+"/", ""); resp.ProtoMajor != 2 {
		t.Errorf("spoke %s", resp.Proto)
	}
	e.SetTransport(listener.Transport{TLS: serverTLS(t)})
	e.wantGauges(0, 0)
}

func TestRestingTLSConnectionGoesOn(t *testing.T) {
	t.Parallel()
	e := startH2(t, keepAlive, echo)
	c := h1Client(t)
	fetch(t, c, "GET", "https://"+e.addr+"/", "")
	opened := time.Now()
	eventually(t, "the connection rests", func() bool { return time.Since(opened) > 1500*time.Millisecond })
	if _, body := fetch(t, c, "POST", "https://"+e.addr+"/x", "again"); body != "POST /x again" {
		t.Errorf("body %q", body)
	}
	if got := e.Counters().Load(); got.Accepted != 1 || got.Requests != 2 || got.TimedOut != 0 {
		t.Errorf("%d requests on %d connections, %d timed out", got.Requests, got.Accepted, got.TimedOut)
	}
	e.SetLimits(listener.Limits{KeepAlive: true, Idle: 50 * time.Millisecond})
	e.wantGauges(0, 0)
}
