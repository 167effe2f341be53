//go:build unix

package runtime_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// program makes an App of Go code, quiet and shut down after the test.
func program(t *testing.T, c runtime.ServerConfig) *runtime.App {
	t.Helper()
	app, err := runtime.New(runtime.FrameworkConfig{ServerConfig: c, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		app.Shutdown(ctx)
	})
	return app
}

// serving starts the App on a free port and returns its URL.
func serving(t *testing.T, app *runtime.App) string {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- app.Start("127.0.0.1:0") }()
	awaitRunning(t, app.Server(), ended)
	return "http://" + app.Server().Addr().String()
}

func awaitRunning(t *testing.T, s *runtime.Server, ended <-chan error) {
	t.Helper()
	eventually(t, "the server runs", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the server ended: %v", err)
		default:
		}
		return s.IsRunning()
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("did not come true: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// fetch asks on a connection of its own and returns status and body.
func fetch(t *testing.T, method, url, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, url, err)
	}
	return resp.StatusCode, string(got), resp.Header
}

func TestStartServesUntilItIsShutDown(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "Hello, World!") })
	ended := make(chan error, 1)
	go func() { ended <- app.Start("127.0.0.1:0") }()
	awaitRunning(t, app.Server(), ended)
	url := "http://" + app.Server().Addr().String()
	if status, body, _ := fetch(t, "GET", url, ""); status != 200 || body != "Hello, World!" {
		t.Errorf("got %d %q", status, body)
	}
	if err := app.Shutdown(t.Context()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Start returned %v, want nil after a shutdown", err)
	}
	if app.Server().IsRunning() {
		t.Error("the server says that it runs after the shutdown")
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
		t.Error("the port still accepts after the shutdown")
	}
}

func TestStartTellsWhyItCannot(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, addr, want string
		config           runtime.ServerConfig
	}{
		{"address in use", taken.Addr().String(), "address already in use", runtime.ServerConfig{}},
		{"no address", "nonsense", "has no port", runtime.ServerConfig{}},
		{"buffer too small", "127.0.0.1:0", "buffers.read", runtime.ServerConfig{ReadBufferSize: 5}},
		{"unknown protocol", "127.0.0.1:0", "gopher", runtime.ServerConfig{Protocol: "gopher"}},
		{"bad name", "127.0.0.1:0", "not a name", runtime.ServerConfig{Name: "a name"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := program(t, c.config).Start(c.addr)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want it to say %q", err, c.want)
			}
		})
	}
}

func TestNewRefusesWhatContradictsItself(t *testing.T) {
	for _, c := range []runtime.ServerConfig{
		{EnableKeepAlive: true, DisableKeepAlive: true},
		{PreforkWorkers: -1},
		{TLSCertFile: "cert.pem"},
	} {
		if _, err := runtime.New(runtime.FrameworkConfig{ServerConfig: c}); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestShutdownAnswersWhatIsUnderWay(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	arrived, proceed := make(chan struct{}), make(chan struct{})
	app.Router().GET("/slow", func(ctx runtime.Context) error {
		close(arrived)
		<-proceed
		return ctx.String(200, "done")
	})
	url := serving(t, app)
	got := make(chan string, 1)
	go func() {
		_, body, _ := fetch(t, "GET", url+"/slow", "")
		got <- body
	}()
	<-arrived
	over := make(chan error, 1)
	go func() { over <- app.Shutdown(t.Context()) }()
	eventually(t, "new connections are refused", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(proceed)
	if body := <-got; body != "done" {
		t.Errorf("the request under way got %q", body)
	}
	if err := <-over; err != nil {
		t.Errorf("shutdown: %v", err)
	}
}

func TestSeveralServersShareTheRoutes(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/name", func(ctx runtime.Context) error { return ctx.String(200, ctx.Server().Name()) })
	first, second := app.Server().NewServer(runtime.ServerConfig{}), app.Server().NewServer(runtime.ServerConfig{Name: "extra"})
	ended := map[*runtime.Server]chan error{first: make(chan error, 1), second: make(chan error, 1)}
	for s, c := range ended {
		go func() { c <- s.Listen("127.0.0.1:0") }()
		awaitRunning(t, s, c)
	}
	for s, want := range map[*runtime.Server]string{first: "server-1", second: "extra"} {
		if _, body, _ := fetch(t, "GET", "http://"+s.Addr().String()+"/name", ""); body != want {
			t.Errorf("server %s answered as %q", want, body)
		}
	}
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended[first]; err != nil {
		t.Errorf("Listen returned %v after Shutdown", err)
	}
	if first.IsRunning() || !second.IsRunning() {
		t.Errorf("after the first's shutdown: first runs %v, second %v", first.IsRunning(), second.IsRunning())
	}
	fetch(t, "GET", "http://"+second.Addr().String()+"/name", "")
	if err := first.Listen("127.0.0.1:0"); !errors.Is(err, runtime.ErrServerClosed) {
		t.Errorf("Listen after Shutdown: %v, want ErrServerClosed", err)
	}
	if err := second.Listen("127.0.0.1:0"); !errors.Is(err, runtime.ErrServerStarted) {
		t.Errorf("second Listen: %v, want ErrServerStarted", err)
	}
	same := app.Server().NewServer(runtime.ServerConfig{Name: "extra"})
	if err := same.Listen("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a second server of one name: %v", err)
	}
}

func TestStartAfterShutdownSaysSo(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	if err := app.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := app.Start("127.0.0.1:0"); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// A connection that is kept costs nothing more per request than its response.
func BenchmarkHandler(b *testing.B) {
	app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer app.Shutdown(context.Background())
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "Hello, World!") })
	go app.Start("127.0.0.1:0")
	for !app.Server().IsRunning() {
		time.Sleep(time.Millisecond)
	}
	c, err := net.Dial("tcp", app.Server().Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 4096)
	request := []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCloseEndsConnectionsAtOnce(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	arrived := make(chan struct{})
	app.Router().GET("/hang", func(ctx runtime.Context) error {
		close(arrived)
		<-ctx.Context().Done()
		return nil
	})
	s := app.Server().NewServer(runtime.ServerConfig{WriteTimeout: -1})
	ended := make(chan error, 1)
	go func() { ended <- s.Listen("127.0.0.1:0") }()
	awaitRunning(t, s, ended)
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Listen returned %v after Close", err)
	}
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := bufio.NewReader(conn).ReadByte(); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reading from the closed server: %v", err)
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("Close took %v", took)
	}
}

func TestTheRequestContextEndsWithTheClient(t *testing.T) {
	app := program(t, runtime.ServerConfig{WriteTimeout: -1})
	arrived, cancelled := make(chan struct{}), make(chan struct{})
	app.Router().GET("/wait", func(ctx runtime.Context) error {
		c := ctx.Context()
		close(arrived)
		<-c.Done()
		close(cancelled)
		return nil
	})
	url := serving(t, app)
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	conn.Close()
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Fatal("the context was not cancelled when the client went away")
	}
}

func TestTheControllerShowsAndChangesAServerOfTheProgram(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.NoContent(204) })
	url := serving(t, app)
	fetch(t, "GET", url, "")
	eventually(t, "the snapshot counts the request", func() bool { return info(t, app, "main").Requests == 1 })
	if s := app.Server().Stats(); s.TotalConnections != 1 || s.Requests != 1 {
		t.Errorf("Stats: %+v", s)
	}
	snapshot, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if state := snapshot.Config.State; state != "in_sync" {
		t.Errorf("what the program said itself is %s, want in_sync", state)
	}
	set(t, app, "listeners.main.timeouts.idle=7s")
	if got := info(t, app, "main").Timeouts.Idle; got != "7s" {
		t.Errorf("idle timeout is %s after the change", got)
	}
	if status, _, _ := fetch(t, "GET", url, ""); status != 204 {
		t.Errorf("after the change: %d", status)
	}
}
