package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"
)

// MaxPacketSlots is the most slots an address of [PacketSockets] can have: a
// slot is one byte of a connection ID.
const MaxPacketSlots = 256

// ConnectionIDLen is the length in bytes of the connection IDs that we give out.
// The first byte names the slot; a client makes up longer ones.
const ConnectionIDLen = 7

// packetBuffer is what each socket may hold in bytes, in either direction. The
// kernel doubles it for its own needs.
const packetBuffer = 4 << 20

// packetRest is how long a slot is left alone after its owner has gone, so
// that what clients still send to it reaches no stranger.
const packetRest = time.Minute

// PacketSockets are the UDP sockets of one address. On Linux each slot is a
// socket of its own, and the kernel gives it every packet whose connection ID
// names the slot, from whatever address the client sends: a connection stays
// with the process that holds its slot. Elsewhere there is one socket, which one
// process can serve.
//
// As with [Sockets], slots are opened when first asked for and closed only by
// Close.
type PacketSockets struct {
	slots[packetSocket]
}

// OpenPackets binds address, written as for net.ListenPacket, by opening slot
// 0. New connections go there until Steer is called. It fails when any other
// process has the port, also one that is willing to share it.
func OpenPackets(ctx context.Context, address string, opt Options) (*PacketSockets, error) {
	shared := opt.Shared || !slotsSupported
	first, addr, err := listenPackets(ctx, address, !shared, !opt.Beside)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	s := newPacketSockets()
	s.addr, s.shared, s.list, s.active = addr, shared, []packetSocket{first}, []int{0}
	if !shared && steerPackets(first, s.active, 1) != nil {
		s.shared = true // a system without steering programs
	}
	return s, nil
}

func newPacketSockets() *PacketSockets {
	s := &PacketSockets{slots: slots[packetSocket]{limit: MaxPacketSlots, bind: listenPackets}}
	// The program must know a slot before there is a connection ID with it.
	s.opened = func() error { return steerPackets(s.list[0], s.active, len(s.list)) }
	return s
}

// Steering is "connection id", or "shared" when there is only one socket.
func (s *PacketSockets) Steering() string {
	if s.shared {
		return "shared"
	}
	return "connection id"
}

// Datagrams tells that nothing waits to be accepted from a slot that has no
// owner, how long such a slot should rest before the next owner, and how many
// slots there can be.
func (s *PacketSockets) Datagrams() (rest time.Duration, slots int) {
	return packetRest, MaxPacketSlots
}

// File is a duplicate of a slot's socket to be inherited by another process,
// which then serves the slot. The caller closes it once it was handed over.
func (s *PacketSockets) File(slot int) (*os.File, error) {
	if s.shared {
		return nil, fmt.Errorf("slot %d of %s: one UDP socket cannot be shared by processes: %w", slot, s.addr, errors.ErrUnsupported)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.duplicate(slot)
}

// PacketConn is a slot to be served in this process. Closing it leaves the slot
// open.
func (s *PacketSockets) PacketConn(slot int) (net.PacketConn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sock, err := s.at(slot)
	if err != nil {
		return nil, err
	}
	pc, err := sock.packetConn()
	if err != nil {
		return nil, fmt.Errorf("slot %d of %s: %w", slot, s.addr, err)
	}
	s.lend(lentPackets{pc})
	return pc, nil
}

// Listener fails: UDP sockets accept nothing.
func (s *PacketSockets) Listener(slot int) (net.Listener, error) {
	return nil, fmt.Errorf("slot %d of %s: UDP has no connections to accept: %w", slot, s.addr, errors.ErrUnsupported)
}

// Steer sends new connections to these slots only; a slot named twice gets
// twice as many. Packets of connections that exist keep going to their slot.
// The change is atomic. It does nothing when there is one socket.
func (s *PacketSockets) Steer(active []int) error {
	return s.steer(active, func(active []int) error {
		if err := steerPackets(s.list[0], active, len(s.list)); err != nil {
			return err
		}
		s.active = slices.Clone(active)
		return nil
	})
}

// Quiesce drops the packets that would begin new connections, so that those
// there are can end before Close. Only Linux can; elsewhere it does nothing.
func (s *PacketSockets) Quiesce() error {
	if err := s.each(quiescePackets); err != nil {
		return fmt.Errorf("quiesce %s: %w", s.addr, err)
	}
	return nil
}

// Close closes every slot, and every duplicate given out that this process
// still holds.
func (s *PacketSockets) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return s.closeAll()
}

type lentPackets struct{ *net.UDPConn }

func (p lentPackets) returned() bool {
	c, err := p.SyscallConn()
	return err != nil || c.Control(func(uintptr) {}) != nil
}

// From is a view of the sockets in which slot 0 is the slot given, for owners
// that number their slots from 0 but must leave those below to others.
func (s *PacketSockets) From(first int) *PacketRange { return &PacketRange{s, first} }

// PacketRange is a view of [PacketSockets] from some slot on.
type PacketRange struct {
	sockets *PacketSockets
	first   int
}

// File is [PacketSockets.File].
func (r *PacketRange) File(slot int) (*os.File, error) { return r.sockets.File(r.first + slot) }

// Listener is [PacketSockets.Listener].
func (r *PacketRange) Listener(slot int) (net.Listener, error) {
	return r.sockets.Listener(r.first + slot)
}

// Steering is [PacketSockets.Steering].
func (r *PacketRange) Steering() string { return r.sockets.Steering() }

// Datagrams is [PacketSockets.Datagrams].
func (r *PacketRange) Datagrams() (rest time.Duration, slots int) {
	rest, slots = r.sockets.Datagrams()
	return rest, slots - r.first
}

// Steer is [PacketSockets.Steer].
func (r *PacketRange) Steer(active []int) error {
	shifted := make([]int, len(active))
	for i, slot := range active {
		shifted[i] = r.first + slot
	}
	return r.sockets.Steer(shifted)
}
