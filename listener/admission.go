package listener

import (
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"
)

// maxPlaces is how many servers may share an [Admission]: the processes of a
// listener, with those that still drain.
const maxPlaces = 512

// Admission is what several servers of one listener, each in a process of its own,
// share so that the bounds of [Limits] hold for all of them together: of
// connections, of idle ones and of the accept rate. It consists of atomics only, so
// that it may lie in memory shared between processes. Its zero value is ready.
type Admission struct {
	open atomic.Int64 // connections of all places
	// due is when the next connection is due by the accept rate, by the clock of
	// the system.
	due    atomic.Int64
	used   atomic.Int64 // places that were ever occupied, from the first
	places [maxPlaces]place
}

// place is what one server has a share in.
type place struct {
	taken      atomic.Int64
	open, idle atomic.Int64
}

// AdmissionSize is the size of [Admission] in bytes.
const AdmissionSize = int(unsafe.Sizeof(Admission{}))

// AdmissionAt lays an Admission over the beginning of mem.
func AdmissionAt(mem []byte) (*Admission, error) {
	if len(mem) < AdmissionSize {
		return nil, fmt.Errorf("admission: %d bytes of memory, want at least %d", len(mem), AdmissionSize)
	}
	p := unsafe.Pointer(unsafe.SliceData(mem))
	if uintptr(p)%unsafe.Alignof(Admission{}) != 0 {
		return nil, fmt.Errorf("admission: memory is not aligned to %d bytes", unsafe.Alignof(Admission{}))
	}
	return (*Admission)(p), nil
}

// Place is the share of one server in an Admission. Its connections count until
// they end, or until somebody calls Vacate for a process that has died.
type Place struct {
	*Admission
	number int
	keep   any
}

// Occupy takes a place that is free, false if there is none. keep, which may be
// nil, is referenced for as long as the place is: the owner of the memory.
func (a *Admission) Occupy(keep any) (Place, bool) {
	for i := range a.places {
		if !a.places[i].taken.CompareAndSwap(0, 1) {
			continue
		}
		for n := a.used.Load(); n <= int64(i) && !a.used.CompareAndSwap(n, int64(i)+1); n = a.used.Load() {
		}
		return Place{a, i, keep}, true
	}
	return Place{}, false
}

// Number of the place, by which another process may vacate it.
func (p Place) Number() int { return p.number }

// Vacate frees a place and takes off what it counts.
func (a *Admission) Vacate(number int) {
	if number < 0 || number >= len(a.places) {
		return
	}
	p := &a.places[number]
	p.idle.Store(0)
	a.open.Add(-p.open.Swap(0))
	p.taken.Store(0)
}

// Retain vacates all places but these.
func (a *Admission) Retain(numbers []int) {
	keep := map[int]bool{}
	for _, n := range numbers {
		keep[n] = true
	}
	for i := range a.places {
		if !keep[i] && a.places[i].taken.Load() != 0 {
			a.Vacate(i)
		}
	}
}

func (p Place) own() *place { return &p.places[p.number] }

// enter counts a connection unless there are limit of them already; 0 is no limit.
func (p Place) enter(limit int) bool {
	for {
		n := p.open.Load()
		if limit > 0 && n >= int64(limit) {
			return false
		}
		if p.open.CompareAndSwap(n, n+1) {
			p.own().open.Add(1)
			return true
		}
	}
}

// take counts a connection that has been counted elsewhere until now.
func (p Place) take() { p.enter(0) }

func (p Place) leave() {
	p.own().open.Add(-1)
	p.open.Add(-1)
}

func (p Place) full(limit int) bool { return limit > 0 && p.open.Load() >= int64(limit) }

// idleOfOthers sums up what the other servers have told last.
func (p Place) idleOfOthers() (sum int64) {
	for i := range min(p.used.Load(), maxPlaces) {
		if int(i) != p.number && p.places[i].taken.Load() != 0 {
			sum += p.places[i].idle.Load()
		}
	}
	return sum
}

// reserve gives how long a connection has to wait by the rate, and counts it in.
// A tenth of a second's connections may pass at once.
func (p Place) reserve(perSecond int) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	each := int64(time.Second) / int64(perSecond)
	ahead := each * int64(perSecond/10)
	for {
		now, due := systemTicks(), p.due.Load()
		next := min(max(due, now-ahead), now+each*maxPlaces) // more cannot wait
		if p.due.CompareAndSwap(due, next+each) {
			return time.Duration(next - now)
		}
	}
}

// giveBack takes back a reservation that is not used.
func (p Place) giveBack(perSecond int) {
	if perSecond > 0 {
		p.due.Add(-int64(time.Second) / int64(perSecond))
	}
}
