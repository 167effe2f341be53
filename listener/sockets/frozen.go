package sockets

import (
	"errors"
	"fmt"
)

// Frozen are the sockets of an address on their way into another program, which
// takes the place of this one in the same process. It travels as JSON, and
// descriptors as their numbers. Nothing is closed on the way, so queues,
// handshakes under way and the steering program stay as they are.
type Frozen struct {
	Address string `json:"address"`
	// Shared is set where all slots are one socket.
	Shared bool  `json:"shared,omitempty"`
	Slots  []int `json:"slots"`
	// Active slots get new connections.
	Active []int `json:"active,omitempty"`
	// Steering asked for and in use; empty for packets.
	Want string `json:"want,omitempty"`
	Used string `json:"used,omitempty"`
	// Mixed is how many of the first slots the kernel numbers in another order.
	Mixed int `json:"mixed,omitempty"`
	// Divided says that slots were given to other processes.
	Divided bool `json:"divided,omitempty"`
	// Counts that lie in the kernel; nil if there are none.
	Counts *FrozenCounts `json:"counts,omitempty"`
}

// FrozenCounts are the maps of the program that counts connections.
type FrozenCounts struct {
	Array int `json:"array"`
	Table int `json:"table"`
	Known int `json:"known"` // slots in the table
}

// Descriptors are duplicates by their numbers, closed at exec unless somebody
// says otherwise.
func (f *Frozen) Descriptors() []int {
	if f.Counts == nil {
		return f.Slots
	}
	return append([]int{f.Counts.Array, f.Counts.Table}, f.Slots...)
}

// Discard closes the descriptors, when there is no other program after all. The
// sockets they were made of have never noticed.
func (f *Frozen) Discard() {
	for _, n := range f.Descriptors() {
		closeNumber(n)
	}
	f.Slots, f.Counts = nil, nil
}

// Freeze returns what [Adopt] needs to have these sockets again.
func (s *Sockets) Freeze() (*Frozen, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &Frozen{Want: s.want, Used: s.used, Mixed: s.mixed, Divided: s.divided}
	if err := s.freeze(f, f.add); err != nil {
		return nil, err
	}
	if s.counts != nil {
		var err error
		if f.Counts, err = s.counts.freeze(); err != nil {
			f.Discard()
			return nil, fmt.Errorf("counts of %s: %w", s.addr, err)
		}
	}
	return f, nil
}

// Freeze returns what [AdoptPackets] needs to have these sockets again.
func (s *PacketSockets) Freeze() (*Frozen, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &Frozen{}
	if err := s.freeze(f, f.addPackets); err != nil {
		return nil, err
	}
	return f, nil
}

// Adopt returns the sockets that were frozen. Where the kernel's counts cannot be
// had again, the next best steering is used from the next change on.
func Adopt(f *Frozen) (*Sockets, error) {
	want, err := steeringOf(f.Want)
	if err != nil {
		return nil, fmt.Errorf("adopt %s: %w", f.Address, err)
	}
	s := newSockets(want)
	s.used, s.mixed, s.divided = f.Used, f.Mixed, f.Divided
	if f.Counts != nil {
		s.counts, s.countsErr = adoptCounts(f.Counts)
		s.shown.Store(s.counts)
	} else if s.divided {
		s.counts, s.countsErr = newCounts()
		s.shown.Store(s.counts)
	}
	if err := s.adopt(f, adopt); err != nil {
		return nil, err
	}
	return s, nil
}

// AdoptPackets returns the sockets that were frozen.
func AdoptPackets(f *Frozen) (*PacketSockets, error) {
	s := newPacketSockets()
	if err := s.adopt(f, adoptPackets); err != nil {
		return nil, err
	}
	return s, nil
}

var errNoSlots = errors.New("adopt sockets: no slots")
