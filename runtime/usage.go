package runtime

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

// usageMeter knows what processes cost. It asks the system only when somebody
// looks: unwatched, it costs nothing.
type usageMeter struct {
	mu    sync.Mutex
	known map[int]*usage
}

// usage is what a process costs.
type usage struct {
	process    *process.Process
	measured   time.Time
	cpuSeconds float64
	memory     uint64
}

// of returns the CPU seconds a process has used and the bytes it holds
// resident; zero for one that has just ended.
func (m *usageMeter) of(pid int) (cpuSeconds float64, memory uint64) {
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

// forget drops processes that nobody has asked about for a while.
func (m *usageMeter) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for pid, u := range m.known {
		if time.Since(u.measured) > usageMemory {
			delete(m.known, pid)
		}
	}
}

// resident returns the bytes a process holds resident; 0 for one that has just
// ended.
func resident(pid int) uint64 {
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
