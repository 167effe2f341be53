package listener_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

// wantFailures waits until the failed requests are these.
func wantFailures(t testing.TB, s *listener.Server, want listener.Failures) {
	t.Helper()
	var got listener.Failures
	defer func() {
		if got != want {
			t.Errorf("failures %+v, want %+v", got, want)
		}
	}()
	eventually(t, "the failures are counted", func() bool {
		got = s.Counters().Load().Failures
		return got == want
	})
}

// endless is a response body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// broken is a response body that breaks off.
type broken struct{ r io.Reader }

func newBroken() io.Reader { return &broken{strings.NewReader("some")} }

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err == io.EOF {
		err = errors.New("on purpose")
	}
	return n, err
}

// faulty fails in every way there is.
func faulty(x listener.Exchange) {
	switch x.Path() {
	case "/backend":
		listener.Blame(x, listener.FaultBackend)
		x.SetStatus(http.StatusBadGateway)
	case "/sorry":
		x.SetStatus(http.StatusServiceUnavailable)
	case "/panic":
		panic("on purpose")
	case "/broken":
		x.SetBodyStream(newBroken(), 1000)
	case "/endless":
		x.SetBodyStream(endless{}, -1)
	case "/body":
		io.Copy(io.Discard, x.Body())
	default:
		x.SetStatus(http.StatusNotFound)
	}
}

func TestFaultsOfHTTP1AreCountedApart(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, MaxRequestBytes: 100}, faulty)
	c := e.dial()
	for path, status := range map[string]int{"/backend": 502, "/sorry": 503, "/nothing": 404} {
		if resp, _ := c.get(path); resp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, status)
		}
	}
	e.dial().get("/panic")
	wantFailures(t, e.Server, listener.Failures{Server: 2, Backend: 1})
	b := e.dial()
	b.send("GET /broken HTTP/1.1\r\nHost: t\r\n\r\n")
	if _, _, err := b.tryRead(); err == nil {
		t.Error("a whole response although its body broke off")
	}
	wantFailures(t, e.Server, listener.Failures{Server: 3, Backend: 1})
	for _, request := range []string{
		"GET / HTTP/1.1\r\nHost : t\r\n\r\n", "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: t\r\nContent-Length: x\r\n\r\n",
		"POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 101\r\n\r\n",
	} {
		m := e.dial()
		m.send(request)
		m.read()
	}
	wantFailures(t, e.Server, listener.Failures{Client: 4, Server: 3, Backend: 1})
	for _, request := range []string{
		"GET /endless HTTP/1.1\r\nHost: t\r\n\r\n", "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 90\r\n\r\nxyz",
		"POST /body HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n", "GET /half HTT",
	} {
		a := e.dial()
		a.send(request)
		if strings.Contains(request, "endless") {
			a.r.ReadByte()
		}
		e.wantGauges(1, 1)
		a.SetLinger(0) // leaves with a reset
		a.Close()
		e.wantGauges(0, 1)
	}
	wantFailures(t, e.Server, listener.Failures{Client: 4, Canceled: 4, Server: 3, Backend: 1})
	if got := e.Counters().Load().Errors(); got != 4 {
		t.Errorf("%d errors, want those of the server and of backends, 4", got)
	}
}

// manyAtATime asks for what faulty offers, over HTTP/2 or HTTP/3.
func manyAtATime(t *testing.T, s *listener.Server, c *http.Client, url string) {
	t.Helper()
	get := func(ctx context.Context, path string, body io.Reader) (int, error) {
		req, err := http.NewRequestWithContext(ctx, "POST", url+path, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.Do(req)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		_, err = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode, err
	}
	for path, status := range map[string]int{"/backend": 502, "/sorry": 503, "/nothing": 404, "/panic": 500} {
		if got, err := get(t.Context(), path, nil); err != nil || got != status {
			t.Errorf("%s: status %d, %v; want %d", path, got, err, status)
		}
	}
	if _, err := get(t.Context(), "/broken", nil); err == nil {
		t.Error("a whole response although its body broke off")
	}
	wantFailures(t, s, listener.Failures{Server: 3, Backend: 1})
	if got, err := get(t.Context(), "/body", strings.NewReader(strings.Repeat("x", 200))); err != nil || got != 413 {
		t.Errorf("status %d, %v; want 413", got, err)
	}
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			eventually(t, "the request is served", func() bool { return s.Counters().Load().Active == 1 })
			cancel()
		}()
		get(ctx, "/endless", nil)
		eventually(t, "the request is over", func() bool { return s.Counters().Load().Active == 0 })
	}
	wantFailures(t, s, listener.Failures{Client: 1, Canceled: 5, Server: 3, Backend: 1})
}

func TestFaultsOfHTTP2AreCountedApart(t *testing.T) {
	t.Parallel()
	e := startH2(t, listener.Limits{KeepAlive: true, MaxRequestBytes: 100}, faulty)
	manyAtATime(t, e.Server, h2Client(t), "https://"+e.addr)
}

func TestFaultsOfHTTP3AreCountedApart(t *testing.T) {
	t.Parallel()
	s, sockets := startQUIC(t, listener.Limits{KeepAlive: true, MaxRequestBytes: 100}, faulty)
	c := newH3Client(t, sockets.Addr())
	manyAtATime(t, s, c.Client, "https://"+c.to)
}

// What a drain cuts at its deadline is nobody's fault.
func TestWhatIsCutIsNobodysFault(t *testing.T) {
	t.Parallel()
	e := startH2(t, keepAlive, faulty)
	clients := []*http.Client{h2Client(t), web(t, func(p *http.Protocols) { p.SetHTTP1(true) })}
	for _, c := range clients {
		resp, err := c.Get("https://" + e.addr + "/endless")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if forced, _ := e.Drain(ctx); forced != 2 {
		t.Errorf("%d were cut, want 2", forced)
	}
	e.wantGauges(0, 0)
	wantFailures(t, e.Server, listener.Failures{})
}
