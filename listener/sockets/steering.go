package sockets

import (
	"errors"
	"fmt"
	"net"
	"slices"
)

// Ways to spread new connections over slots, for [Options] and
// [Sockets.SetSteering]. Where one is not available the next in this order is
// used; all slots are one socket only where that is asked for, or where the
// system knows nothing else.
const (
	// SteerAuto takes the first of the following that is available.
	SteerAuto = "auto"
	// SteerLeast gives each connection to the slot that has the fewest: a
	// program in the kernel counts those that begin, and whoever serves a slot
	// takes off those that end. It needs the capability CAP_BPF.
	SteerLeast = "least_connections"
	// SteerWeighted chooses at random by weights, which follow the numbers of
	// open and of waiting connections while connections arrive.
	SteerWeighted = "weighted"
	// SteerRandom chooses at random.
	SteerRandom = "random"
	// SteerShared has all slots share one socket: who is quickest accepts.
	SteerShared = "shared"
)

// Owner is what is known of who serves a slot, for weights.
type Owner struct {
	Open     uint64 // connections it has
	Accepted uint64 // connections it has taken from the slot in its life
}

// Measure tells how to look at the owners of all slots; one that is missing
// counts as having no connections. Without it connections cannot be weighted.
// It is called at any time until Close has returned, but not by two goroutines
// at once, and must not call the Sockets.
func (s *Sockets) Measure(owners func(add func(slot int, t Owner))) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owners = owners
}

// SetSteering changes how connections are spread, from the next one on, without
// touching any that there is. A change to or from [SteerShared] is refused: it
// would need another socket. What is not available is replaced by the next best;
// see [Sockets.SteeringReason].
func (s *Sockets) SetSteering(want string) error {
	want, err := steeringOf(want)
	if err != nil {
		return fmt.Errorf("steer %s: %w", s.addr, err)
	}
	found := s.ask()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return ErrClosed
	case want == s.want || !slotsSupported:
		s.want = want
		return nil
	case want == SteerShared || s.want == SteerShared:
		return fmt.Errorf("steer %s: %w", s.addr, ErrSteeringFixed)
	}
	was := s.want
	s.want = want
	if s.counts != nil && s.used != SteerLeast {
		for _, slot := range s.active {
			s.counts.set(slot, int64(found[slot].Open)+s.waiting(slot))
		}
	}
	if err := s.attach(s.active); err != nil {
		s.want = was
		return fmt.Errorf("steer %s: %w", s.addr, err)
	}
	return nil
}

// ErrSteeringFixed is returned for a change to or from one shared socket.
var ErrSteeringFixed = errors.New("stop the listener first: a change between one shared socket and one socket per worker needs new sockets")

// steeringOf checks a word; the empty one is SteerAuto.
func steeringOf(want string) (string, error) {
	switch want {
	case "":
		return SteerAuto, nil
	case SteerAuto, SteerLeast, SteerWeighted, SteerRandom, SteerShared:
		return want, nil
	}
	return "", fmt.Errorf("unknown steering %q: want %s, %s, %s, %s or %s", want,
		SteerAuto, SteerLeast, SteerWeighted, SteerRandom, SteerShared)
}

// Steering is how connections are spread over slots at present, one of the
// words of [SetSteering] but [SteerAuto].
func (s *Sockets) Steering() string {
	if s.shared {
		return SteerShared
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// SteeringReason is why what was asked for is not in use, in one line; empty
// when it is.
func (s *Sockets) SteeringReason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.shared:
		return s.why
	case s.want == SteerShared || s.want == SteerAuto:
		return ""
	}
	return s.want + ": on this system all workers share one socket"
}

// attach has the kernel choose among these slots, in the best way that is wanted
// and available. s.mu is held.
func (s *Sockets) attach(active []int) error {
	used, why, err := s.attachBest(active)
	if err != nil {
		return err
	}
	s.active, s.used, s.why = slices.Clone(active), used, why
	s.watch(used == SteerWeighted && len(active) > 1)
	return nil
}

// attachBest needs s.mu.
func (s *Sockets) attachBest(active []int) (used, why string, err error) {
	if slices.Min(active) < s.mixed {
		return s.attachMixed(active)
	}
	if !s.divided || s.want == SteerRandom { // nobody else to choose, or nothing to choose by
		return SteerRandom, "", steer(s.list[0], active)
	}
	if s.want != SteerWeighted {
		err := s.countsErr
		if err == nil {
			err = s.attachLeast(active)
		}
		if err == nil {
			return SteerLeast, "", nil
		}
		why = fmt.Sprintf("%s is not available: %v", SteerLeast, err)
	}
	if s.owners == nil {
		return SteerRandom, why, steer(s.list[0], active)
	}
	s.weights = s.balance.weights(active)
	return SteerWeighted, why, steerWeighted(s.list[0], active, s.weights)
}

// attachLeast begins with what waits in the slots that got connections of
// nobody until now: their owners are new. s.mu is held.
func (s *Sockets) attachLeast(active []int) error {
	if s.used == SteerLeast {
		for _, slot := range active {
			if !slices.Contains(s.active, slot) {
				s.counts.set(slot, s.waiting(slot))
			}
		}
	}
	return s.counts.steer(s.list, active)
}

// waiting is the length of a slot's queue. s.mu is held.
func (s *Sockets) waiting(slot int) int64 {
	n, _, err := s.list[slot].queue()
	if err != nil {
		return 0
	}
	return int64(n)
}

// divide prepares for owners in other processes. s.mu is held.
func (s *Sockets) divide() {
	if s.divided || s.shared {
		return
	}
	s.divided = true
	s.counts, s.countsErr = newCounts()
	s.shown.Store(s.counts)
	if s.counts != nil {
		for slot := range s.list {
			s.counts.set(slot, s.waiting(slot))
		}
	}
}

// ask looks at the owners. s.mu must not be held: who is asked has locks of
// its own.
func (s *Sockets) ask() map[int]Owner {
	s.mu.Lock()
	owners := s.owners
	s.mu.Unlock()
	found := map[int]Owner{}
	if owners != nil {
		s.asking.Lock()
		defer s.asking.Unlock()
		owners(func(slot int, t Owner) {
			sum := found[slot]
			found[slot] = Owner{Open: sum.Open + t.Open, Accepted: sum.Accepted + t.Accepted}
		})
	}
	return found
}

// driftLooks is how many looks in a row must see the kernel's count on the same
// side of what owners have: connections come and go between two numbers.
const driftLooks = 3

// Correct compares what the kernel counts with what the owners really have,
// and takes off what has stayed too much, or too little, since the last few
// calls: handshakes that never end are counted as connections. It is meant to be
// called once a second or so, and does nothing where the kernel does not count.
func (s *Sockets) Correct() {
	if s.Steering() != SteerLeast {
		return
	}
	found := s.ask()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.used != SteerLeast {
		return
	}
	for _, slot := range s.active {
		owner, known := found[slot]
		if !known {
			delete(s.drifts, slot)
			continue
		}
		drift := s.counts.live(slot).count() - int64(owner.Open) - s.waiting(slot)
		seen := append(s.drifts[slot], drift)
		if len(seen) < driftLooks {
			s.drifts[slot] = seen
			continue
		}
		s.counts.live(slot).add(-steady(seen))
		delete(s.drifts, slot)
	}
}

// steady is what all of the differences have in common: the smallest, if all
// are of one sign, else 0.
func steady(drifts []int64) int64 {
	least, most := slices.Min(drifts), slices.Max(drifts)
	switch {
	case least > 0:
		return least
	case most < 0:
		return most
	}
	return 0
}

// counted is a listener whose connections the kernel may have counted.
type counted interface{ live() *Counter }

// CounterOf is where the kernel counts the connections of a listener, and whether
// it is a slot's at all.
func CounterOf(ln net.Listener) (*Counter, bool) {
	if c, ok := ln.(counted); ok {
		return c.live(), true
	}
	return nil, false
}
