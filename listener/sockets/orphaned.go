package sockets

import (
	"errors"
	"fmt"
	"os"
)

// AdoptOrphaned returns the sockets that outlived the process that had opened
// them, because others served them: they become the first slots, in this order.
// The files stay open.
//
// Where the kernel numbers the slots, it closed the gaps that the dead process
// left, and nobody can tell how. So those slots get new connections together or
// not at all, unless the kernel is told by socket ([SteerLeast]). None is lost by
// that, as long as each slot has somebody who accepts. Slots opened from now on
// have their proper number.
func AdoptOrphaned(files []*os.File, steering string) (*Sockets, error) {
	want, err := steeringOf(steering)
	if err != nil {
		return nil, fmt.Errorf("adopt sockets: %w", err)
	}
	s := newSockets(want)
	s.shared, s.used = want == SteerShared || !slotsSupported, SteerRandom
	for i, f := range files {
		sock, addr, err := adoptFile(f)
		switch {
		case err != nil:
			err = fmt.Errorf("adopt socket %d of %d: %w", i+1, len(files), err)
		case s.addr != nil && s.addr.String() != addr.String():
			sock.close()
			err = fmt.Errorf("adopt socket %d of %d: it listens on %s, others on %s", i+1, len(files), addr, s.addr)
		case s.shared && len(s.list) > 0:
			sock.close() // the same one
			continue
		}
		if err != nil {
			s.Close()
			return nil, err
		}
		s.addr, s.list = addr, append(s.list, sock)
	}
	if len(s.list) == 0 {
		return nil, errNoSlots
	}
	if !s.shared {
		s.mixed = len(s.list)
	}
	s.mu.Lock()
	s.divide()
	s.mu.Unlock()
	return s, nil
}

// attachMixed needs s.mu.
func (s *Sockets) attachMixed(active []int) (used, why string, err error) {
	if (s.want == SteerAuto || s.want == SteerLeast) && s.countsErr == nil && s.attachLeast(active) == nil {
		return SteerLeast, "", nil
	}
	switch s.want {
	case SteerRandom:
	case SteerAuto:
		why = fmt.Sprintf("%s is not available: %v", SteerLeast, errMixed)
	default:
		why = fmt.Sprintf("%s is not available: %v", s.want, errMixed)
	}
	together := []int{}
	for slot := range s.mixed {
		together = append(together, slot)
	}
	for _, slot := range active {
		if slot >= s.mixed {
			together = append(together, slot)
		}
	}
	return SteerRandom, why, steer(s.list[0], together)
}

var errMixed = errors.New("workers of a previous master still serve; restart them to use it again")
