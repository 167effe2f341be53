package prefork

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// Frozen is all that a group knows, for the program that takes its master's
// place in the same process. It travels as JSON, and descriptors as their
// numbers, of which -1 means none.
type Frozen struct {
	Capabilities                // of the program that has frozen it
	Generation   uint64         `json:"generation"`
	Settings     []byte         `json:"settings"`
	Drain        time.Duration  `json:"drain"`
	Freed        uint64         `json:"freed"`
	Slots        []FrozenSlot   `json:"slots"`
	Places       []FrozenPlace  `json:"places"`
	Workers      []FrozenWorker `json:"workers"`
	// Homeless connections wait for a worker to be passed to.
	Pending []int `json:"homeless,omitempty"`
	// Common is the descriptor of the memory that all workers share; 0 for none.
	Common int `json:"common,omitempty"`

	numbers []int // all descriptors
}

// FrozenSlot is what is remembered of a slot beside its tenant.
type FrozenSlot struct {
	Freed    uint64    `json:"freed"`
	Until    time.Time `json:"until"`
	Orphaned bool      `json:"orphaned,omitempty"`
	Opened   bool      `json:"opened"`
}

// FrozenPlace is a place for a worker.
type FrozenPlace struct {
	// Worker that is current, by its index in Workers; -1 while it waits for one.
	Worker    int       `json:"worker"`
	NextStart time.Time `json:"next_start"`
	Failures  int       `json:"failures"`
	Starts    int       `json:"starts"`
	LastExit  string    `json:"last_exit,omitempty"`
	// LastOutput and Crashes are what is remembered of ends that nobody asked for.
	LastOutput string      `json:"last_output,omitempty"`
	Crashes    []time.Time `json:"crashes,omitempty"`
}

// FrozenWorker is a process.
type FrozenWorker struct {
	Capabilities
	ID         int       `json:"id"`
	Slot       int       `json:"slot"`
	PID        int       `json:"pid"`
	State      State     `json:"state"`
	Started    time.Time `json:"started"`
	ReadyAt    time.Time `json:"ready_at"`
	Deadline   time.Time `json:"deadline"`
	DrainSent  bool      `json:"told,omitempty"`
	Cause      string    `json:"cause,omitempty"`
	Generation uint64    `json:"generation"`
	Restarts   int       `json:"restarts"`
	// Stranger says that it is no child of this process.
	AdoptedProcess bool         `json:"stranger,omitempty"`
	Control        int          `json:"control"`
	Memory         int          `json:"memory"`
	Output         int          `json:"output"`
	Tail           []byte       `json:"tail,omitempty"`
	Asked          uint64       `json:"asked"`
	Open           []FrozenCall `json:"open,omitempty"`
}

// FrozenQuestion is one that a worker has not answered yet: whether it has taken
// settings, or a connection.
type FrozenCall struct {
	ID         uint64 `json:"id"`
	Generation uint64 `json:"generation,omitempty"`
	Conn       int    `json:"conn"`
	// About a connection that a worker handed over, the process id of that
	// worker, and under which id it waits for the answer.
	About []byte `json:"about,omitempty"`
	Giver int    `json:"giver,omitempty"`
	Give  uint64 `json:"give,omitempty"`
}

// Descriptors are those that the successor needs, by their numbers in this
// process. They are duplicates, closed at exec unless somebody says otherwise.
func (f *Frozen) Descriptors() []int { return f.numbers }

// discard closes the descriptors.
func (f *Frozen) discard() {
	for _, n := range f.numbers {
		closeNumber(n)
	}
	f.numbers = nil
}

// keep duplicates the descriptor of c.
func (f *Frozen) keep(c syscall.Conn) (int, error) {
	n, err := duplicate(c)
	if err == nil {
		f.numbers = append(f.numbers, n)
	}
	return n, err
}

// keepConn is keep for a connection of a client.
func (f *Frozen) keepConn(c any) (int, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return -1, errors.New("a connection without a descriptor cannot be kept")
	}
	return f.keep(sc)
}

// capture records the group, in which nothing moves. mu is held.
func (g *Group) capture() (*Frozen, error) {
	f := &Frozen{
		Capabilities: Ours(), Generation: g.generation, Settings: g.settings,
		Drain: g.drain, Freed: g.slots.freed,
	}
	if g.cfg.Common != nil {
		var err error
		if f.Common, err = f.keep(g.cfg.Common.file); err != nil {
			return nil, err
		}
	}
	for _, s := range g.slots.list {
		f.Slots = append(f.Slots, FrozenSlot{Freed: s.freed, Until: s.until, Orphaned: s.orphaned, Opened: s.opened})
	}
	index := map[*process]int{}
	for i, p := range g.procs {
		index[p] = i
		w, err := f.worker(p)
		if err != nil {
			f.discard()
			return nil, fmt.Errorf("worker %d (pid %d): %w", p.place.id, p.pid(), err)
		}
		f.Workers = append(f.Workers, w)
	}
	for _, pl := range g.places {
		at, ok := index[pl.current]
		if !ok {
			at = -1
		}
		f.Places = append(f.Places, FrozenPlace{Worker: at, NextStart: pl.nextStart,
			Failures: pl.failures, Starts: pl.starts, LastExit: pl.lastExit, LastOutput: pl.lastOutput, Crashes: pl.recentCrashes()})
	}
	for _, c := range g.pending {
		n, err := f.keepConn(c)
		if err != nil {
			f.discard()
			return nil, err
		}
		f.Pending = append(f.Pending, n)
	}
	return f, nil
}

func (f *Frozen) worker(p *process) (w FrozenWorker, err error) {
	w = FrozenWorker{
		Capabilities: p.capabilities, ID: p.place.id, Slot: p.slot, PID: p.pid(), State: p.state,
		Started: p.started, ReadyAt: p.readyAt, Deadline: p.deadline, DrainSent: p.drainSent,
		Cause: p.cause, Generation: p.generation, Restarts: p.restarts,
		Control: -1, Memory: -1, Tail: p.output.tail,
	}
	_, w.AdoptedProcess = p.proc.(adoptedProcess)
	if p.conn != nil {
		if n, err := f.keep(p.conn); err == nil { // fails if it was closed: the worker is about to end
			w.Control = n
		}
	}
	if p.shared != nil {
		if w.Memory, err = f.keep(p.shared); err != nil {
			return w, err
		}
	}
	if w.Output, err = f.keep(p.output.file); err != nil {
		return w, err
	}
	w.Asked, w.Open, err = f.calls(&p.calls)
	return w, err
}

// calls are the open ones that matter to a successor: who waits for the answer to
// a kindCall waits in the program that ends.
func (f *Frozen) calls(a *pendingCalls) (last uint64, open []FrozenCall, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, q := range a.waiting {
		switch {
		case q.conn != nil:
			n, err := f.keepConn(q.conn)
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
				continue // nothing is left to hand over
			}
			if err != nil {
				return 0, nil, err
			}
			o := FrozenCall{ID: id, Conn: n}
			if x := q.transfer; x != nil {
				o.About, o.Giver, o.Give = x.about, x.giver, x.id
			}
			open = append(open, o)
		case q.frame.Kind == kindSettings:
			open = append(open, FrozenCall{ID: id, Generation: q.frame.Generation, Conn: -1})
		}
	}
	return a.last, open, nil
}
