package listener_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/echterhof/rockstar-tui/listener"
)

// script is a listener that does what it is told.
type script struct {
	net.Listener
	steps chan any // a net.Conn or an error
	end   sync.Once
}

func newScript(steps ...any) *script {
	s := &script{steps: make(chan any, len(steps))}
	for _, step := range steps {
		s.steps <- step
	}
	return s
}

func (s *script) Accept() (net.Conn, error) {
	switch step := (<-s.steps).(type) {
	case net.Conn:
		return step, nil
	case error:
		return nil, step
	}
	return nil, net.ErrClosed
}

func (s *script) Close() error {
	s.end.Do(func() { close(s.steps) })
	return nil
}

var noFiles = &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}

func TestServeOutlastsTransientErrors(t *testing.T) {
	var log bytes.Buffer
	s := listener.NewServer(listener.ServerConfig{Name: "web", Handler: hello, ErrorLog: slog.New(slog.NewTextHandler(&log, nil))})
	ours, theirs := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- s.Serve(newScript(noFiles, noFiles, noFiles, theirs)) }()
	io.WriteString(ours, "GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	if b, err := io.ReadAll(ours); err != nil || !strings.HasSuffix(string(b), "hello") {
		t.Errorf("answered %q, %v", b, err)
	}
	if forced, err := s.Drain(within(t, 5e9)); forced != 0 || err != nil {
		t.Errorf("%d forced, %v", forced, err)
	}
	if err := <-served; !errors.Is(err, listener.ErrServerClosed) {
		t.Errorf("Serve returned %v, want %v", err, listener.ErrServerClosed)
	}
	if n := strings.Count(log.String(), "accept failed"); n != 1 {
		t.Errorf("three failures were logged %d times, want once:\n%s", n, &log)
	}
}

func TestServeReturnsWhatIsNotTransient(t *testing.T) {
	s := listener.NewServer(listener.ServerConfig{Handler: hello})
	broken := errors.New("broken")
	if err := s.Serve(newScript(broken)); !errors.Is(err, broken) {
		t.Errorf("Serve returned %v, want %v", err, broken)
	}
}
