package endpoints

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// refuseTimeout bounds how long a change waits until a stopped listener refuses
// new connections; what it has accepted drains on after that.
const refuseTimeout = 2 * time.Second

// Open opens the address of the settings and begins to serve there, beside the
// endpoint in use, if any. It returns how to take that back, and what replaces the
// endpoint in use when the whole change is decided. An error leaves the listener as
// it was.
func (l *Listener) Open(ctx context.Context, to serving.Settings) (undo, retire func(), err error) {
	old := l.Endpoint()
	e, err := l.open(ctx, old, to)
	if err != nil {
		return nil, nil, err
	}
	if err := e.start(ctx, to); err != nil {
		l.set.abandon(e)
		return nil, nil, err
	}
	l.use(e)
	undo = func() {
		l.use(old)
		if len(e.adoptees) > 0 {
			l.set.abandon(e)
			return
		}
		l.mu.Lock()
		l.end(e)
		over := e.over
		l.mu.Unlock()
		<-over
	}
	retire = func() {
		l.set.events.Info(l.name, message.ListenerServing, e.sockets.Addr())
		if old != nil {
			l.retire(old)
		}
	}
	return undo, retire, nil
}

// open opens what the listener accepts from: the sockets that the program has given
// it, those of workers whose master died, or its address.
func (l *Listener) open(ctx context.Context, old *Endpoint, to serving.Settings) (*Endpoint, error) {
	given, err := l.set.given(l.name)
	if err != nil {
		return nil, err
	}
	if given != nil {
		return l.newEndpoint(given), nil
	}
	if e := l.adoptOrphans(to); e != nil {
		return e, nil
	}
	s, err := openSockets(ctx, to.Listener, old.hasPortOf(to))
	for tries := 100; tries > 0 && errors.Is(err, syscall.EADDRINUSE) && l.set.probing.Load() > 0; tries-- {
		time.Sleep(time.Millisecond) // a plan tries the address just now
		s, err = openSockets(ctx, to.Listener, old.hasPortOf(to))
	}
	if err != nil {
		return nil, l.explain(to, err)
	}
	return l.newEndpoint(s), nil
}

// hasPortOf reports whether the endpoint in use, if any, has the port that is wanted
// now, on another host address: then the port is not somebody else's.
func (e *Endpoint) hasPortOf(to serving.Settings) bool {
	if e == nil {
		return false
	}
	a, b := e.Settings().Listener.Address, to.Listener.Address
	return a[strings.LastIndexByte(a, ':'):] == b[strings.LastIndexByte(b, ':'):]
}

// Stop retires the endpoint and waits until it refuses new connections.
func (l *Listener) Stop() {
	e := l.Endpoint()
	if e == nil { // the runtime ends, which stops it too
		return
	}
	refused, _ := l.retire(e)
	l.set.Announce()
	select {
	case <-refused:
	case <-time.After(refuseTimeout):
	}
	l.set.events.Info(l.name, message.ListenerStopped)
}

// ProbeAddress finds out whether Open could have the address of the settings, where
// that can be told without taking it away from those who serve there.
func (l *Listener) ProbeAddress(ctx context.Context, to serving.Settings) error {
	if l.Endpoint().hasPortOf(to) || l.set.drainsOn(to.Listener.Address) {
		return nil
	}
	l.set.probing.Add(1)
	defer l.set.probing.Add(-1)
	err := sockets.Probe(ctx, to.Listener.Address, to.Listener.Protocol == config.ProtocolQUIC)
	if err != nil {
		return l.explain(to, err)
	}
	return nil
}

// drainsOn reports whether a listener of ours still drains on the address; whether
// it can be had is then seen when the change is made.
func (s *Set) drainsOn(address string) bool {
	for _, l := range s.All() {
		if l.drainsOn(address) {
			return true
		}
	}
	return false
}

// bindError is a failure to get an address.
type bindError struct{ error }

func (e bindError) Unwrap() error { return e.error }

// IsBindError reports whether an address could not be had.
func IsBindError(err error) bool { return errors.As(err, new(bindError)) }

// explain adds to an error of opening an address what an operator can do about it.
func (l *Listener) explain(to serving.Settings, err error) error {
	quic := to.Listener.Protocol == config.ProtocolQUIC
	if errors.Is(err, syscall.EADDRINUSE) {
		if who := procstat.PortHolder(to.Listener.Address, quic); who != "" {
			err = fmt.Errorf("%w: %s holds it", err, who)
		}
	}
	if errors.Is(err, os.ErrPermission) {
		err = fmt.Errorf("%w; a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE", err)
	}
	return l.explainDrain(bindError{fmt.Errorf("open listener %s: %w", l.name, err)})
}
