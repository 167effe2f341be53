package runtime

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
)

// sockets are what an endpoint accepts from: those of an address, or a listener
// that the program made itself.
type socketSet interface {
	prefork.Sockets
	Addr() net.Addr
	Slots() int
	Quiesce() error
	Close() error
}

var (
	_ socketSet = (*sockets.Sockets)(nil)
	_ socketSet = (*foreign)(nil)
)

// foreign is a listener that the program made itself. There is one slot, and
// nobody else can borrow it.
type foreign struct {
	ln    net.Listener
	name  string
	taken bool // guarded by the mu of its program

	failOnce sync.Once
	failed   chan error // why accepting ended by itself; receives once
}

func newForeign(name string, ln net.Listener) *foreign {
	return &foreign{ln: ln, name: name, failed: make(chan error, 1)}
}

// Accept remembers why the listener failed, for whoever waits in Serve.
func (f *foreign) Accept() (net.Conn, error) {
	c, err := f.ln.Accept()
	if err == nil {
		return c, nil
	}
	if t, ok := err.(interface{ Temporary() bool }); !ok || !t.Temporary() {
		f.failOnce.Do(func() { f.failed <- err })
	}
	return nil, err
}

// Addr is that of the listener, whatever network it is of.
func (f *foreign) Addr() net.Addr { return f.ln.Addr() }

// Listener is the foreign one itself: it closes what it stands for.
func (f *foreign) Listener(int) (net.Listener, error) { return f, nil }

func (f *foreign) File(int) (*os.File, error) {
	return nil, fmt.Errorf("listener %s was made by the program itself, worker processes cannot share it: serve it without prefork", f.name)
}

func (f *foreign) Steer([]int) error { return nil }
func (f *foreign) Steering() string  { return "shared" }
func (f *foreign) Slots() int        { return 1 }
func (f *foreign) Quiesce() error    { return nil }

// Close may come after the server has closed the listener already.
func (f *foreign) Close() error {
	if err := f.ln.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
