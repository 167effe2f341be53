package prefork

import (
	"fmt"
	"time"
)

// maxSlots bounds the sockets of a group: its workers and those that still
// drain, if it is resized or restarted faster than they end.
const maxSlots = 1024

// slots tells which process has which socket. Guarded by Group.mu.
type slots struct {
	list  []slot
	freed uint64        // counts releases
	rest  time.Duration // of a slot between two tenants
	most  int           // slots there can be; 0 means maxSlots
}

type slot struct {
	tenant   *process
	freed    uint64    // when, in releases; 0 if it never was
	until    time.Time // it should rest
	orphaned bool      // its tenant crashed
	opened   bool      // its socket exists, so it may have a queue
}

// take gives p the slot that was left longest ago, so that what still comes in
// for its last tenant has had time to end, or else a new one. Where slots rest,
// that of a tenant that crashed comes first: its successor can tell the clients.
func (s *slots) take(p *process) (int, error) {
	now := time.Now()
	best := s.oldest(func(sl slot) bool { return s.rest > 0 && sl.orphaned })
	if best < 0 {
		best = s.oldest(func(sl slot) bool { return !now.Before(sl.until) })
	}
	if best < 0 && len(s.list) < s.limit() {
		best = len(s.list)
		s.list = append(s.list, slot{})
	}
	if best < 0 {
		best = s.oldest(func(slot) bool { return true })
	}
	if best < 0 {
		return -1, fmt.Errorf("all %d slots are in use by living workers", s.limit())
	}
	s.list[best].tenant, s.list[best].orphaned = p, false
	return best, nil
}

func (s *slots) limit() int {
	if s.most > 0 {
		return min(s.most, maxSlots)
	}
	return maxSlots
}

// oldest is the free slot that was left longest ago, of those that will do; -1
// if there is none.
func (s *slots) oldest(will func(slot) bool) int {
	best := -1
	for i, sl := range s.list {
		if sl.tenant == nil && will(sl) && (best < 0 || sl.freed < s.list[best].freed) {
			best = i
		}
	}
	return best
}

func (s *slots) release(i int, crashed bool) {
	s.freed++
	sl := &s.list[i]
	sl.tenant, sl.freed, sl.orphaned = nil, s.freed, crashed
	if s.rest > 0 {
		sl.until = time.Now().Add(s.rest)
	}
}

// untended returns the opened slots nobody ready accepts from.
func (s *slots) untended() []int {
	var free []int
	for i, sl := range s.list {
		if sl.opened && (sl.tenant == nil || !sl.tenant.serves()) {
			free = append(free, i)
		}
	}
	return free
}
