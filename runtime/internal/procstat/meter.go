// Package procstat tells what processes use, and for how many the system has room.
package procstat

import (
	"sync"
	"time"

	"github.com/shirou/gopsutil/v3/process"
)

const (
	// usageAge is how old a measurement may be and still be shown.
	usageAge = 900 * time.Millisecond
	// usageMemory is how long a process is remembered that nobody asks about.
	usageMemory = time.Minute
)

// Meter knows what processes cost. It asks the system only when somebody
// looks: unwatched, it costs nothing.
type Meter struct {
	mu    sync.Mutex
	known map[int]*usage
}

// NewMeter returns a meter that has measured nothing yet.
func NewMeter() *Meter { return &Meter{known: map[int]*usage{}} }

// usage is what a process costs.
type usage struct {
	process    *process.Process
	measured   time.Time
	cpuSeconds float64
	memory     uint64
}

// Of returns the CPU seconds a process has used and the bytes it holds
// resident; zero for one that has just ended.
func (m *Meter) Of(pid int) (cpuSeconds float64, memory uint64) {
	if pid == 0 {
		return 0, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.known[pid]
	if u == nil {
		p, err := process.NewProcess(int32(pid))
		if err != nil {
			return 0, 0
		}
		u = &usage{process: p}
		m.known[pid] = u
	}
	if time.Since(u.measured) > usageAge {
		u.measure()
	}
	return u.cpuSeconds, u.memory
}

func (u *usage) measure() {
	u.measured = time.Now()
	if times, err := u.process.Times(); err == nil {
		u.cpuSeconds = times.User + times.System
	}
	if memory, err := u.process.MemoryInfo(); err == nil {
		u.memory = memory.RSS
	}
}

// Forget drops processes that nobody has asked about for a while.
func (m *Meter) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for pid, u := range m.known {
		if time.Since(u.measured) > usageMemory {
			delete(m.known, pid)
		}
	}
}

// Resident returns the bytes a process holds resident; 0 for one that has just
// ended.
func Resident(pid int) uint64 {
	p, err := process.NewProcess(int32(pid))
	if err != nil {
		return 0
	}
	memory, err := p.MemoryInfo()
	if err != nil {
		return 0
	}
	return memory.RSS
}
