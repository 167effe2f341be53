//go:build unix

package runtime_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

var (
	_ runtime.Listener = (net.Listener)(nil)
	_ runtime.Listener = (*runtime.RateLimitedListener)(nil)
	_ runtime.Listener = (*runtime.LimitedListener)(nil)
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// hello is an App that says hello.
func hello(t *testing.T) *runtime.App {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "hello") })
	return app
}

// serve runs a server on a listener of the test.
func serve(t *testing.T, s *runtime.Server, ln net.Listener) <-chan error {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	awaitRunning(t, s, ended)
	return ended
}

func TestRateLimitedListenerKeepsToItsRate(t *testing.T) {
	ln, err := runtime.NewRateLimitedListener("127.0.0.1:0", 10)
	if err != nil {
		t.Fatal(err)
	}
	s := hello(t).Server().NewServer(runtime.ServerConfig{})
	ended := serve(t, s, ln)
	began := time.Now()
	for range 15 {
		if _, body, _ := fetch(t, "GET", "http://"+ln.Addr().String(), ""); body != "hello" {
			t.Fatalf("got %q", body)
		}
	}
	if took := time.Since(began); took < 300*time.Millisecond {
		t.Errorf("15 connections at 10 per second, of which 10 at once, took %v", took)
	}
	if got := s.Stats().TotalConnections; got != 15 {
		t.Errorf("%d connections were counted", got)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v after Shutdown", err)
	}
}

func TestCloseEndsTheWaitForTheRate(t *testing.T) {
	ln, err := runtime.NewRateLimitedListener("127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if c, err := ln.Accept(); err != nil {
		t.Fatal(err)
	} else {
		defer c.Close()
	}
	failed := make(chan error, 1)
	go func() {
		_, err := ln.Accept() // has to wait a second for its turn
		failed <- err
	}()
	ln.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returned %v, want net.ErrClosed", err)
	}
}

func TestRateLimitedListenerRefusesNonsense(t *testing.T) {
	if _, err := runtime.NewRateLimitedListener("127.0.0.1:0", 0); err == nil {
		t.Error("a rate of 0 was accepted")
	}
	if _, err := runtime.NewRateLimitedListener("127.0.0.1:x", 1); err == nil {
		t.Error("a port x was accepted")
	}
}

func TestLimitedListenerBoundsOpenConnections(t *testing.T) {
	ln := runtime.NewLimitedListener(listen(t), 2)
	s := hello(t).Server().NewServer(runtime.ServerConfig{})
	serve(t, s, ln)
	var open []net.Conn
	for range 2 {
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := ask(c, bufio.NewReader(c), plain); got != "200" {
			t.Fatalf("got %s", got)
		}
		open = append(open, c)
	}
	third, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if got := ask(third, bufio.NewReader(third), plain); got != "nothing" {
		t.Errorf("the third connection got %s while two were open", got)
	}
	open[0].Close()
	third.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := http.ReadResponse(bufio.NewReader(third), nil); err != nil {
		t.Errorf("when one was closed: %v", err)
	}
}

func TestCloseEndsTheWaitForRoom(t *testing.T) {
	ln := runtime.NewLimitedListener(listen(t), 1)
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	failed := make(chan error, 1)
	go func() {
		_, err := ln.Accept()
		failed <- err
	}()
	ln.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept returned %v, want net.ErrClosed", err)
	}
}

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

func TestAnyListenerIsServedCountedAndShown(t *testing.T) {
	app := hello(t)
	ln := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := app.Server().NewServer(runtime.ServerConfig{Name: "pipe", IdleTimeout: 200 * time.Millisecond})
	ended := serve(t, s, ln)
	client, server := net.Pipe()
	ln.conns <- server
	if got := ask(client, bufio.NewReader(client), plain); got != "200" {
		t.Fatalf("got %s", got)
	}
	l := info(t, app, "pipe")
	if l.Address != "pipe" || l.Connections.Total != 1 || l.Requests != 1 || l.State != control.StateServing {
		t.Errorf("the snapshot says %+v", l)
	}
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the idle timeout does not reach the connection: %v", err)
	}
	_, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.pipe.prefork.workers=2")})
	if err == nil || !strings.Contains(err.Error(), "opened by the program") {
		t.Errorf("workers for a listener of the program: %v", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
	select {
	case <-ln.closed:
	default:
		t.Error("the listener was not closed")
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	app := hello(t)
	ln := listen(t)
	s := app.Server().NewServer(runtime.ServerConfig{Name: "own"})
	ended := serve(t, s, ln)
	fetch(t, "GET", "http://"+ln.Addr().String(), "")
	ln.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v, want net.ErrClosed", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Serve goes on without a listener")
	}
	if s.IsRunning() {
		t.Error("the server says that it runs")
	}
}

func TestAStoppedListenerOfTheProgramStaysClosed(t *testing.T) {
	app := hello(t)
	s := app.Server().NewServer(runtime.ServerConfig{Name: "own"})
	serve(t, s, listen(t))
	set(t, app, "listeners.own.enabled=false")
	if s.IsRunning() {
		t.Error("it runs after it was stopped")
	}
	_, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.own.enabled=true")})
	if err == nil || !strings.Contains(err.Error(), "cannot open it again") {
		t.Errorf("starting it again: %v", err)
	}
}

func TestServeRefusesPrefork(t *testing.T) {
	s := hello(t).Server().NewServer(runtime.ServerConfig{EnablePrefork: true})
	if err := s.Serve(listen(t)); err == nil || !strings.Contains(err.Error(), "use Listen") {
		t.Errorf("got %v", err)
	}
}

func TestShutdownWithoutPatienceCuts(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/hang", func(ctx runtime.Context) error {
		<-ctx.Context().Done()
		return nil
	})
	s := app.Server().NewServer(runtime.ServerConfig{WriteTimeout: -1})
	ended := serve(t, s, listen(t))
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
	eventually(t, "the request is under way", func() bool { return s.Stats().ActiveConnections == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returned %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve returned %v", err)
	}
}
