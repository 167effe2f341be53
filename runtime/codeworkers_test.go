//go:build unix

package runtime_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// serveCode makes this process the worker of an App that a test made of Go code:
// the so manyth of its process. It never returns.
func serveCode(number int) {
	for range number - 1 {
		runtime.New(runtime.FrameworkConfig{})
	}
	app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		sayHello(app)
		go distinct(app).Listen("")
		err = app.Start("")
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// envPair names a directory with a certificate for the server of distinct.
const envPair = "ROCKSTAR_TEST_PAIR"

// distinct makes a server of two workers that has routes and TLS of its own.
func distinct(app *runtime.App) *runtime.Server {
	c := runtime.ServerConfig{Name: "distinct", EnablePrefork: true, PreforkWorkers: 2}
	if dir := os.Getenv(envPair); dir != "" {
		cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
		if err != nil {
			panic(err)
		}
		c.TLS = &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }}
	}
	s := app.Server().NewServer(c)
	s.Router().GET("/own", func(ctx runtime.Context) error { return ctx.String(200, strconv.Itoa(os.Getpid())) })
	s.Router().GET("/stats", func(ctx runtime.Context) error {
		ctx.SetHeader("X-Process", strconv.Itoa(os.Getpid()))
		return ctx.String(200, strconv.FormatInt(ctx.Server().Stats().Requests, 10))
	})
	return s
}

func TestWorkersOfAServerWithRoutesAndTLSOfItsOwn(t *testing.T) {
	certFile, _, trust := pair(t)
	t.Setenv(envPair, filepath.Dir(certFile))
	app := program(t, runtime.ServerConfig{})
	sayHello(app)
	s := distinct(app)
	addr := running(t, s, func() error { return s.ListenTLS("127.0.0.1:0", "", "") })
	await(t, app, "distinct", "two workers", workersReady(2))
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}, Timeout: 10 * time.Second}
	defer c.CloseIdleConnections()
	if resp, body := answer(t, c, "https://"+addr+"/own"); resp.StatusCode != 200 || body == strconv.Itoa(os.Getpid()) {
		t.Errorf("got %s %q, want the number of a worker", resp.Status, body)
	}
	if resp, _ := answer(t, c, "https://"+addr+"/hello"); resp.StatusCode != 404 {
		t.Errorf("a route of the App: %s", resp.Status)
	}
}

// pinned are clients of one connection each, to two different workers.
func pinned(t *testing.T, url string) (a, b *http.Client) {
	t.Helper()
	process := map[string]*http.Client{}
	for range 100 {
		c := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}, Timeout: 10 * time.Second}
		t.Cleanup(c.CloseIdleConnections)
		resp, _ := answer(t, c, url)
		process[resp.Header.Get("X-Process")] = c
		if len(process) == 2 {
			for _, c := range process {
				a, b = b, c
			}
			return a, b
		}
	}
	t.Fatal("all connections came to one worker")
	return nil, nil
}

func TestStatsAreFreshInEveryWorker(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	sayHello(app)
	s := distinct(app)
	url := "http://" + running(t, s, func() error { return s.Listen("127.0.0.1:0") }) + "/stats"
	await(t, app, "distinct", "two workers", workersReady(2))
	a, b := pinned(t, url)
	requests := func(c *http.Client) int {
		_, body := answer(t, c, url)
		n, _ := strconv.Atoi(body)
		return n
	}
	known := requests(b)
	eventually(t, "all requests so far are counted", func() bool { // until it stands still but for our own
		was := known
		known = requests(b)
		time.Sleep(publishedWithin)
		next := requests(b)
		defer func() { known = next }()
		return known == was+1 && next == known+1
	})
	var waits []time.Duration
	for range 9 {
		requests(a)
		known++
		began := time.Now()
		eventually(t, "the sibling's request is counted", func() bool { known++; return requests(b) == known })
		waits = append(waits, time.Since(began))
	}
	slices.Sort(waits)
	if median := waits[len(waits)/2]; median > 300*time.Millisecond { // a second between two looks would make it 500 ms
		t.Errorf("counts of a sibling are %v old: %v", median, waits)
	}
}

// publishedWithin is more than the master takes to tell workers.
const publishedWithin = 150 * time.Millisecond

// sayHello gives an App the routes that its workers have as well.
func sayHello(app *runtime.App) {
	app.Router().GET("/hello", func(ctx runtime.Context) error { return ctx.String(200, strconv.Itoa(os.Getpid())) })
}

func TestAnAppOfCodeMovesIntoWorkersUnderLoad(t *testing.T) {
	app := program(t, runtime.ServerConfig{Name: "web"})
	sayHello(app)
	base := serving(t, app)
	own := strconv.Itoa(os.Getpid())
	if _, body, _ := fetch(t, "GET", base+"/hello", ""); body != own {
		t.Errorf("in process, %q answers, not %s", body, own)
	}
	stop := load(t, app, 16)
	for _, workers := range []int{2, 4, 0, 3} {
		set(t, app, fmt.Sprintf("listeners.web.prefork.workers=%d", workers))
		await(t, app, "web", fmt.Sprint(workers, " workers"), workersReady(max(workers, 1)))
	}
	wantNoFailure(t, stop())
	if _, body, _ := fetch(t, "GET", base+"/hello", ""); body == own || body == "" {
		t.Errorf("with workers, %q answers", body)
	}
}

func TestPreforkFieldsOfServerConfig(t *testing.T) {
	for _, c := range []struct {
		set     runtime.ServerConfig
		workers int // 0 is in process
	}{
		{runtime.ServerConfig{EnablePrefork: true, PreforkWorkers: 3}, 3},
		{runtime.ServerConfig{EnablePrefork: true}, goruntime.NumCPU()},
		{runtime.ServerConfig{PreforkWorkers: 3}, 0},
	} {
		c.set.Name = "web"
		app := program(t, c.set)
		sayHello(app)
		base := serving(t, app)
		await(t, app, "web", fmt.Sprint(c.workers, " workers"), workersReady(max(c.workers, 1)))
		_, body, _ := fetch(t, "GET", base+"/hello", "")
		if inProcess := body == strconv.Itoa(os.Getpid()); inProcess != (c.workers == 0) {
			t.Errorf("%+v: process %s answers", c.set, body)
		}
	}
}

func TestProtocolAndTLSFieldsOfServerConfig(t *testing.T) {
	certFile, keyFile, trust := pair(t)
	for protocol, want := range map[string]string{"http": "HTTP/1.1", "http2": "HTTP/2.0", "quic": "HTTP/3.0"} {
		app := program(t, runtime.ServerConfig{Protocol: protocol, TLSCertFile: certFile, TLSKeyFile: keyFile})
		app.Router().GET("/proto", func(ctx runtime.Context) error { return ctx.String(200, ctx.Request().Proto) })
		serving(t, app)
		client := http.Client{Transport: transports(t, trust)[protocol]}
		if h1, ok := client.Transport.(*http.Transport); ok {
			h1.TLSClientConfig = trust.Clone()
		}
		resp, err := client.Get("https://" + app.Server().Addr().String() + "/proto")
		if err != nil {
			t.Errorf("%s: %v", protocol, err)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != want {
			t.Errorf("%s: spoke %s, want %s", protocol, body, want)
		}
	}
}
