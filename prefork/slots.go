package prefork

import "fmt"

// maxSlots bounds the sockets of a group: its workers and those that still
// drain, if it is resized or restarted faster than they end.
const maxSlots = 1024

// slots tells which process has which socket. Guarded by Group.mu.
type slots struct {
	list  []slot
	freed uint64 // counts releases
}

type slot struct {
	tenant *process
	freed  uint64 // when, in releases; 0 if it never was
	opened bool   // its socket exists, so it may have a queue
}

// take gives p the slot that was left longest ago, so that what still comes in
// for its last tenant has had time to end, or else a new one.
func (s *slots) take(p *process) (int, error) {
	best := -1
	for i, sl := range s.list {
		if sl.tenant == nil && (best < 0 || sl.freed < s.list[best].freed) {
			best = i
		}
	}
	if best < 0 {
		if len(s.list) == maxSlots {
			return -1, fmt.Errorf("all %d slots are in use by living workers", maxSlots)
		}
		best = len(s.list)
		s.list = append(s.list, slot{})
	}
	s.list[best].tenant = p
	return best, nil
}

func (s *slots) release(i int) {
	s.freed++
	s.list[i].tenant, s.list[i].freed = nil, s.freed
}

// untended returns the opened slots nobody ready accepts from.
func (s *slots) untended() []int {
	var free []int
	for i, sl := range s.list {
		if sl.opened && (sl.tenant == nil || sl.tenant.state != Ready) {
			free = append(free, i)
		}
	}
	return free
}
