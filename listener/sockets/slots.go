package sockets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
)

// slotSocket is the socket of one slot.
type slotSocket interface {
	close() error
	file(name string) (*os.File, error)
}

// slots are what the addresses of TCP and of UDP have in common.
type slots[S slotSocket] struct {
	addr   net.Addr
	shared bool // all slots are one socket
	limit  int  // how many slots there can be; 0 is as many as one likes
	// bind opens a further socket of an address; opened is called under mu when
	// there is one more.
	bind   func(ctx context.Context, address string, share, alone bool) (S, net.Addr, error)
	opened func() error

	mu     sync.Mutex // guards what follows
	list   []S
	active []int // steered to
	// lent are the duplicates given out. A forgotten one would keep a closed
	// socket in the group, where it swallows connections.
	lent   []loan
	closed bool
}

// loan is a duplicate given out.
type loan interface {
	io.Closer
	returned() bool
}

// Addr is the address of the sockets, with the port that was chosen.
func (s *slots[S]) Addr() net.Addr { return s.addr }

// Slots is the number of slots opened so far; 1 when they are shared.
func (s *slots[S]) Slots() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// at is the socket of a slot. Slots up to it are opened. mu is held.
func (s *slots[S]) at(slot int) (none S, err error) {
	if err := s.check(slot); err != nil {
		return none, err
	}
	if s.shared {
		return s.list[0], nil
	}
	for len(s.list) <= slot {
		next, _, err := s.bind(context.Background(), s.addr.String(), true, false)
		if err == nil {
			s.list = append(s.list, next)
			err = s.opened()
		}
		if err != nil {
			return none, fmt.Errorf("open slot %d of %s: %w", len(s.list), s.addr, err)
		}
	}
	return s.list[slot], nil
}

// check needs mu.
func (s *slots[S]) check(slot int) error {
	switch {
	case s.closed:
		return ErrClosed
	case slot < 0 && s.limit == 0:
		return fmt.Errorf("slot %d of %s: want 0 or more", slot, s.addr)
	case slot < 0 || s.limit > 0 && slot >= s.limit:
		return fmt.Errorf("slot %d of %s: want 0 to %d", slot, s.addr, s.limit-1)
	}
	return nil
}

// checkActive says whether slots can be steered to. mu is held.
func (s *slots[S]) checkActive(active []int) error {
	if len(active) == 0 || len(active) > MaxActive {
		return fmt.Errorf("steer %s: %d slots, want 1 to %d", s.addr, len(active), MaxActive)
	}
	for _, slot := range active {
		if err := s.check(slot); err != nil {
			return err
		}
		if !s.shared && slot >= len(s.list) {
			return fmt.Errorf("steer %s: slot %d is not open, only 0 to %d are", s.addr, slot, len(s.list)-1)
		}
	}
	return nil
}

// steer has attach send new connections to some slots, unless all are one socket.
func (s *slots[S]) steer(active []int, attach func([]int) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkActive(active); err != nil || s.shared {
		return err
	}
	if err := attach(active); err != nil {
		return fmt.Errorf("steer %s: %w", s.addr, err)
	}
	return nil
}

// duplicate is a slot's socket for another process. mu is held.
func (s *slots[S]) duplicate(slot int) (*os.File, error) {
	sock, err := s.at(slot)
	if err != nil {
		return nil, err
	}
	f, err := sock.file(s.addr.String())
	if err != nil {
		return nil, fmt.Errorf("slot %d of %s: %w", slot, s.addr, err)
	}
	s.lend(lentFile{f})
	return f, nil
}

// lend needs mu.
func (s *slots[S]) lend(l loan) {
	s.lent = append(slices.DeleteFunc(s.lent, loan.returned), l)
}

// closeAll closes every slot, and every duplicate that this process still holds.
// mu is held.
func (s *slots[S]) closeAll() error {
	s.closed = true
	for _, l := range s.lent {
		if !l.returned() {
			l.Close()
		}
	}
	s.lent = nil
	var errs []error
	for _, sock := range s.list {
		errs = append(errs, sock.close())
	}
	return errors.Join(errs...)
}

// each calls fn for every slot, under the lock.
func (s *slots[S]) each(fn func(S) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	var errs []error
	for _, sock := range s.list {
		errs = append(errs, fn(sock))
	}
	return errors.Join(errs...)
}

// freeze adds the slots to f. mu is held.
func (s *slots[S]) freeze(f *Frozen, add func(S) error) error {
	if s.closed {
		return ErrClosed
	}
	f.Address, f.Shared, f.Active = s.addr.String(), s.shared, s.active
	for slot, sock := range s.list {
		if err := add(sock); err != nil {
			return fmt.Errorf("slot %d of %s: %w", slot, s.addr, err)
		}
	}
	return nil
}

// adopt takes the slots of f.
func (s *slots[S]) adopt(f *Frozen, take func(descriptor int) (S, net.Addr, error)) error {
	s.shared, s.active = f.Shared, f.Active
	for slot, n := range f.Slots {
		sock, addr, err := take(n)
		if err != nil {
			return fmt.Errorf("adopt slot %d of %s: %w", slot, f.Address, err)
		}
		if addr.String() != f.Address {
			return fmt.Errorf("adopt slot %d of %s: it is at %s", slot, f.Address, addr)
		}
		s.addr, s.list = addr, append(s.list, sock)
	}
	if len(s.list) == 0 {
		return errNoSlots
	}
	return nil
}

type lentFile struct{ *os.File }

func (f lentFile) returned() bool {
	c, err := f.SyscallConn()
	return err != nil || c.Control(func(uintptr) {}) != nil
}
