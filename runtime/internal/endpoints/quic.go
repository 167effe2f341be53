package endpoints

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// packets are the sockets of a QUIC endpoint, with the secrets that all who
// serve them share.
type packets struct {
	*sockets.PacketSockets
	keys listener.QUICKeys
}

var _ Sockets = (*packets)(nil)

// openSockets opens those that the protocol needs.
func openSockets(ctx context.Context, c config.Listener, beside bool) (Sockets, error) {
	opt := sockets.Options{Beside: beside, Steering: c.Prefork.Steering}
	if c.Protocol != config.ProtocolQUIC {
		return orNil(sockets.Open(ctx, c.Address, opt))
	}
	s, err := sockets.OpenPackets(ctx, c.Address, opt)
	if err != nil {
		return nil, err
	}
	return &packets{s, listener.NewQUICKeys()}, nil
}

// orNil keeps a failed open from looking like open sockets.
func orNil(s *sockets.Sockets, err error) (Sockets, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// encode is what workers get to know.
func (e *Endpoint) encode(s serving.Settings) []byte {
	if p, ok := e.sockets.(*packets); ok {
		s.QUIC = &p.keys
	}
	return s.Encode()
}

// lend is what a group of workers serves.
func (e *Endpoint) lend() prefork.Sockets {
	if p, ok := e.sockets.(*packets); ok {
		return p.From(serving.WorkerSlots)
	}
	return e.sockets
}

// serveLocal serves with local every socket that this process should.
func (e *Endpoint) serveLocal(local *serving.Service) error {
	if p, ok := e.sockets.(*packets); ok {
		pc, err := p.PacketConn(serving.LocalSlot)
		if err == nil {
			local.ServeQUIC(pc, serving.LocalSlot, p.keys)
		}
		return err
	}
	for slot := range e.sockets.Slots() {
		ln, err := e.sockets.Listener(slot)
		if err != nil {
			return err
		}
		local.Serve(ln)
	}
	return nil
}

// explainDrain says why a UDP port may not be free: unlike one of TCP it serves its
// last connections and new ones through the same sockets.
func (l *Listener) explainDrain(err error) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.retiring {
		if _, ok := e.sockets.(*packets); ok {
			return fmt.Errorf("%w: connections from before it was stopped are still open; try again when they have ended", err)
		}
	}
	return err
}

// steerLocal sends new QUIC connections to this process. Those over TCP reach
// it anyway.
func (e *Endpoint) steerLocal() {
	if p, ok := e.sockets.(*packets); ok {
		if err := p.Steer([]int{serving.LocalSlot}); err != nil {
			e.log.Error("steering", "listener", e.name, "error", err)
		}
	}
}

// mayMove refuses to move QUIC into workers, or out of them, while those who
// served before the last such change still use their slots.
func (e *Endpoint) mayMove() error {
	if _, ok := e.sockets.(*packets); !ok {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.leaving)+len(e.departed) > 0 {
		return fmt.Errorf("listener %s: connections from before the last change of its workers are still open; try again when they have ended", e.name)
	}
	return nil
}
