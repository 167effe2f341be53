package prefork

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Group is a number of workers that serve one listener. Its methods may be
// called by several goroutines; changes are made one after the other.
type Group struct {
	cfg Config
	// turn holds a token while a change (Resize, Update, Restart, Stop) is
	// being made. Crashed workers are replaced without it.
	changeLock chan struct{}
	stopping   chan struct{} // closed when Stop begins
	unqueued   bool          // slots have no queue to be looked after
	stopOnce   sync.Once
	wg         sync.WaitGroup // every goroutine of the group
	tasks      sync.WaitGroup // those of them that end by themselves
	// thawed is held by who deals with the end of a process, and locked while
	// the group is frozen.
	thawed sync.RWMutex

	// Locks are taken in this order, and none while waiting for a worker.
	//
	// steerMu is held from looking at who is ready until connections are
	// steered there, so that the newest state wins. It guards backups.
	steerMu sync.Mutex
	backups map[int]*backup
	// memMu is held while the memory of any worker is read, folded or unmapped.
	memMu sync.Mutex
	// mu guards the rest, and all of process and place that is not said to be
	// otherwise.
	mu         sync.Mutex
	places     []*place   // the wanted ones
	procs      []*process // every process not gone, oldest first
	slots      slots
	settings   []byte
	generation uint64 // of settings
	drain      time.Duration
	watched    bool          // watch runs
	hang       time.Duration // of silence until a worker is replaced
	orphan     time.Duration // that workers serve on without a master
	recycle    Recycle
	recycling  bool       // a worker is being replaced for that
	recycleAt  time.Time  // earliest next time, after a failure
	rolled     Progress   // of a rolling restart under way
	turns      int        // counts connections passed on, for whose turn it is
	pending    []net.Conn // accepted by a backup acceptor when there was no worker to take them
	fallback   AcceptConn // takes over where no worker does; may be nil
	events     []Event    // not yet delivered
	delivering bool
	stopped    bool // no process may be started any more
	frozen     bool // none may be started until it is thawed
}

// place is what a worker's id stands for. All of it is guarded by Group.mu.
type place struct {
	id int
	// current is the process that serves here, nil while it waits to be
	// replaced. next is one on trial, which takes over once it is ready.
	current, next *process
	timer         *time.Timer // of the next start, if one waits
	nextStart     time.Time
	failures      int // unasked ends in a row
	starts        int
	lastExit      string
	lastOutput    string      // of the process that ended so
	crashes       []time.Time // unasked ends of late
}

// NewGroup returns a group without workers.
func NewGroup(cfg Config) *Group {
	cfg = cfg.withDefaults()
	g := &Group{
		cfg:        cfg,
		changeLock: make(chan struct{}, 1),
		stopping:   make(chan struct{}),
		backups:    map[int]*backup{},
		settings:   cfg.Settings,
		generation: 1,
		drain:      cfg.DrainTimeout,
		hang:       cfg.HangTimeout,
		orphan:     cfg.OrphanTimeout,
		recycle:    cfg.Recycle,
	}
	if d, ok := cfg.Sockets.(Datagrams); ok {
		g.slots.rest, g.slots.most = d.Datagrams()
		g.unqueued = true
	}
	return g
}

// Wanted returns how many workers the group should have.
func (g *Group) Wanted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.places)
}

// Workers returns the status of every worker, by ID and then by age, those
// included that drain or wait to be started again.
func (g *Group) Workers() []Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []Status
	for _, s := range g.samples() {
		all = append(all, s.Status)
	}
	return all
}

// Sample calls fn once with every worker and its memory, in the order of
// Workers. The memory must not be used after fn has returned. Fold does not run
// meanwhile: folded numbers and these together are all there ever were. fn must
// not call the group.
func (g *Group) Sample(fn func([]Sample)) {
	g.memMu.Lock()
	defer g.memMu.Unlock()
	g.mu.Lock()
	all := g.samples()
	g.mu.Unlock()
	fn(all)
}

// Each calls fn with each worker and its memory, as Sample does.
func (g *Group) Each(fn func(Status, []byte)) {
	g.Sample(func(all []Sample) {
		for _, s := range all {
			fn(s.Status, s.Memory)
		}
	})
}

// samples lists all workers. mu is held, and memMu if the memory is to be used.
func (g *Group) samples() []Sample {
	var all []Sample
	for _, p := range g.procs {
		all = append(all, Sample{p.status(), p.memory})
	}
	for _, pl := range g.places {
		if pl.current == nil && pl.next == nil {
			s := pl.past()
			s.Slot, s.State, s.Restarts, s.NextStart = -1, Waiting, max(0, pl.starts-1), pl.nextStart
			all = append(all, Sample{Status: s})
		}
	}
	slices.SortStableFunc(all, func(a, b Sample) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func (p *process) status() Status {
	s := p.place.past()
	s.Slot, s.PID, s.State, s.Started = p.slot, p.pid(), p.state, p.started
	s.Restarts, s.DrainDeadline, s.Generation = p.restarts, p.deadline, p.generation
	if p.state == Ready && p.hung() {
		s.State, s.HungSince = Hung, p.hungSince
	}
	return s
}

// SetOrphanTimeout changes how long workers serve on without a master. They hear
// of it with the next SetDrainTimeout or Update.
func (g *Group) SetOrphanTimeout(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.orphan = max(0, d)
}

// SetDrainTimeout changes how long workers may drain from now on, also those
// that run. Drains already begun keep their deadline.
func (g *Group) SetDrainTimeout(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.drain = orDefault(d, defaultDrain)
	for _, p := range g.procs {
		p.link.send(outgoing{frame: frame{Kind: kindTimeout, Timeout: g.drain, Orphan: g.orphan, OrphanDir: g.cfg.OrphanDir}})
	}
}

// Call asks the worker with this process id, and returns its handler's answer.
// It waits no longer than AckTimeout.
func (g *Group) Call(ctx context.Context, pid int, kind string, payload []byte) ([]byte, error) {
	if len(payload) > MaxPayload {
		return nil, fmt.Errorf("call %s of pid %d: %d bytes are too large: at most %d", kind, pid, len(payload), MaxPayload)
	}
	p := g.find(pid)
	if p == nil {
		return nil, fmt.Errorf("call %s of pid %d: %w", kind, pid, ErrNoWorker)
	}
	ctx, cancel := context.WithTimeout(ctx, g.cfg.AckTimeout)
	defer cancel()
	type answer struct {
		body []byte
		err  error
	}
	answered := make(chan answer, 1)
	call := outgoing{frame: frame{Kind: kindCall, Call: kind, Body: payload}}
	err := p.ask(call, func(f frame, err error) {
		answered <- answer{f.Body, replyError(f, err)}
	})
	if err != nil {
		answered <- answer{nil, err}
	}
	select {
	case a := <-answered:
		if a.err != nil {
			return nil, fmt.Errorf("call %s of worker %d (pid %d): %w", kind, p.place.id, pid, a.err)
		}
		return a.body, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("call %s of worker %d (pid %d): %w", kind, p.place.id, pid, ctx.Err())
	}
}

func (g *Group) find(pid int) *process {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.procs {
		if p.pid() == pid && pid != 0 {
			return p
		}
	}
	return nil
}

// replyError is the worker's refusal, or why there is no reply.
func replyError(f frame, err error) error {
	if err == nil && f.Error != "" {
		return errors.New(f.Error)
	}
	return err
}

// begin waits for the turn to make a change. The caller must call end.
func (g *Group) begin(ctx context.Context) (end func(), err error) {
	select {
	case <-g.stopping:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for another change of the workers: %w", ctx.Err())
	case g.changeLock <- struct{}{}:
	}
	select {
	case <-g.stopping:
		<-g.changeLock
		return nil, ErrStopped
	default:
		return func() { <-g.changeLock }, nil
	}
}

// task runs f, which ends by itself, in a goroutine of the group.
func (g *Group) task(f func()) {
	g.tasks.Add(1)
	g.wg.Go(func() {
		defer g.tasks.Done()
		f()
	})
}

// note records an event, to be delivered in order. mu is held.
func (g *Group) note(e Event) {
	e.Time = time.Now()
	g.events = append(g.events, e)
	if !g.delivering {
		g.delivering = true
		g.task(g.deliver)
	}
}

// deliver hands out events until there are none.
func (g *Group) deliver() {
	for {
		g.mu.Lock()
		batch := g.events
		g.events = nil
		g.delivering = len(batch) > 0
		g.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, e := range batch {
			g.cfg.OnEvent(e)
		}
	}
}
