package endpoints

import (
	"crypto/tls"
	"net"
	"os/exec"
	"testing"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/routes"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// missing is a program that is not there any more.
type missing struct{}

func (missing) Register(*routes.Router, *serving.Service) error { return nil }
func (missing) TLS() *tls.Config                                { return nil }
func (missing) Command() *exec.Cmd                              { return &exec.Cmd{Path: "/nonexistent"} }

// A listener that cannot be taken over is opened anew, for which its address must
// be free.
func TestWhatCannotBeResumedFreesItsAddress(t *testing.T) {
	before, err := sockets.Open(t.Context(), "127.0.0.1:0", sockets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	address := before.Addr().String()
	frozen, err := before.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	before.Close()
	s, by := newSet(), settingsOf(t, inProcess)
	s.program = func(string) serving.Program { return missing{} }
	ofTheFuture := &prefork.Frozen{Capabilities: prefork.Capabilities{Protocol: 1 << 20}}
	from := State{Name: "web", Endpoint: &Frozen{Sockets: frozen, Workers: ofTheFuture, InProcess: true}}
	s.Resume(t.Context(), from, map[string]config.Listener{"web": by.Listener}, func() (serving.Settings, error) { return by, nil })
	if l := s.Listener("web"); l.Failure() == "" || l.Endpoint() != nil {
		t.Fatalf("workers that do not start took over: failure %q", l.Failure())
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}
