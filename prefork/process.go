package prefork

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is one incarnation of a worker, from before its start until after its
// end.
type process struct {
	place     *place
	slot      int
	link      *link
	calls     pendingCalls
	up        chan struct{} // closed when it is ready
	heard     chan struct{} // closed when all that it said was received
	conn      *net.UnixConn // its control socket; set at the start
	listening chan struct{} // closed when nobody receives any more what it says
	gone      chan struct{} // closed when nothing is left of it

	capabilities Capabilities // as the worker says
	agreed       Capabilities // what holds between it and this master

	memory []byte   // guarded by Group.memMu once it is registered
	shared *os.File // of the memory, for a successor of this master; nil without memory
	output *output

	// Guarded by Group.mu.
	proc         child // nil before the start
	state        State
	started      time.Time
	readyAt      time.Time
	deadline     time.Time // of the drain
	drainSent    bool      // to drain; no connection may be passed to it any more
	killed       bool
	beat         uint64        // its last heartbeat
	silence      time.Duration // since then
	hungSince    time.Time     // zero unless it shows no sign of life
	givenUp      bool          // is being replaced for that
	killedAsHung bool          // was ended for that
	jitter       float64       // its share of the bounds of Recycle
	cause        string        // why it was killed, or what it complained of
	generation   uint64        // acknowledged
	restarts     int
	steerErr     error         // why no connections could be steered to it
	timers       []*time.Timer // stopped at its end
	late         *time.Timer   // kills it some time after its deadline; one of timers
	offered      int           // connections it is asked to take over
	exit         string        // how it ended; fixed once gone is closed
	tail         string        // what it printed last; likewise
}

func newProcess(pl *place) *process {
	return &process{
		place:        pl,
		capabilities: Ours(), // it is this program again
		agreed:       Ours(),
		link:         newLink(),
		up:           make(chan struct{}),
		heard:        make(chan struct{}),
		gone:         make(chan struct{}),
		state:        Starting,
		started:      time.Now(),
		jitter:       0.9 + 0.2*rand.Float64(),
	}
}

// hung reports whether p shows no sign of life, serves whether connections are
// to go to it. Group.mu is held.
func (p *process) hung() bool   { return !p.hungSince.IsZero() }
func (p *process) serves() bool { return p.state == Ready && !p.hung() }

// failure describes the end of p. It waits for nothing: p is gone.
func (p *process) failure() error {
	if p.proc == nil {
		return fmt.Errorf("worker %d: %s", p.place.id, p.exit)
	}
	if tail := lastLines(p.tail); tail != "" {
		return fmt.Errorf("worker %d: %s; it printed: %s", p.place.id, p.exit, tail)
	}
	return fmt.Errorf("worker %d: %s; it printed nothing", p.place.id, p.exit)
}

func (p *process) pid() int {
	if p.proc == nil {
		return 0
	}
	return p.proc.pid()
}

// pendingCalls holds who waits for a worker's replies.
type pendingCalls struct {
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]call
	closed  bool
}

// call is what a worker has not answered yet.
type call struct {
	outgoing
	answered func(frame, error)
}

// add returns the id under which fn will get the reply to o, on the goroutine
// that receives; 0 means that there will be none.
func (a *pendingCalls) add(o outgoing, fn func(frame, error)) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return 0
	}
	if a.waiting == nil {
		a.waiting = map[uint64]call{}
	}
	a.last++
	a.waiting[a.last] = call{o, fn}
	return a.last
}

// take returns who waits for the reply to id, and forgets him; or nil.
func (a *pendingCalls) take(id uint64) func(frame, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	fn := a.waiting[id].answered
	delete(a.waiting, id)
	return fn
}

// fail returns what tells who waits for the reply to id that there will be none.
func (a *pendingCalls) fail(id uint64) func(error) {
	return func(err error) {
		if fn := a.take(id); fn != nil {
			fn(frame{}, err)
		}
	}
}

// close tells all who wait that no reply will come.
func (a *pendingCalls) close(err error) {
	a.mu.Lock()
	waiting := a.waiting
	a.waiting, a.closed = nil, true
	a.mu.Unlock()
	for _, q := range waiting {
		q.answered(frame{}, err)
	}
}

// reopen lets others be asked, after close.
func (a *pendingCalls) reopen() {
	a.mu.Lock()
	a.closed = false
	a.mu.Unlock()
}

// ask queues a frame; fn gets its reply, or learns that none will come, on
// another goroutine. fn must not block. After an error fn is not called.
func (p *process) ask(o outgoing, fn func(frame, error)) error {
	if !p.agreed.answers(o.frame.Kind) {
		return errUnknown(o.frame)
	}
	id := p.calls.add(o, fn)
	if id == 0 {
		return errGone
	}
	o.frame.ID, o.unsendable = id, p.calls.fail(id)
	if !p.link.send(o) && p.calls.take(o.frame.ID) != nil {
		return errNotReading
	}
	return nil
}

// marker is the variable by which a process knows that it is a worker, and
// which one: id, memory size, name.
const marker = "ROCKSTAR_TUI_WORKER"

// slotMarker is the variable that tells a worker the number of its slot.
const slotMarker = "ROCKSTAR_TUI_SLOT"

// sharedMarker is the variable that tells a worker the descriptor of what it was
// given beside its slot, if anything.
const sharedMarker = "ROCKSTAR_TUI_SHARED"

// commonMarker is the variable that tells a worker the descriptor of the memory
// that all of the group share, if there is any.
const commonMarker = "ROCKSTAR_TUI_COMMON"

// Descriptors a worker inherits, in the order of exec.Cmd.ExtraFiles.
const (
	fdControl = 3 + iota
	fdSlot
	fdMemory
)

// launched is what a started process and its master share.
type launched struct {
	cmd    *exec.Cmd
	conn   *net.UnixConn
	memory []byte
	shared *os.File // of the memory
	extra  int      // descriptor in the worker of what the sockets share; 0 for nothing
	common int      // and of the memory that all share
	output *output
}

// room reports why so many processes cannot be started now.
func (g *Group) room(processes int) error {
	if g.cfg.Room == nil {
		return nil
	}
	return g.cfg.Room(processes)
}

// launch starts the process of p. It takes no lock.
func (g *Group) launch(p *process, share int) (*launched, error) {
	if err := g.room(1); err != nil {
		return nil, err
	}
	l := &launched{}
	files, err := g.equip(p, l)
	defer closeAll(&files)
	if err != nil {
		l.discard()
		return nil, err
	}
	if l.cmd, err = g.command(p, share); err != nil {
		l.discard()
		return nil, err
	}
	if l.extra > 0 {
		l.cmd.Env = append(l.cmd.Env, fmt.Sprintf("%s=%d", sharedMarker, l.extra))
	}
	if l.common > 0 {
		l.cmd.Env = append(l.cmd.Env, fmt.Sprintf("%s=%d", commonMarker, l.common))
	}
	printed := files[len(files)-1]
	l.cmd.Stdin, l.cmd.Stdout, l.cmd.Stderr = nil, printed, printed
	l.cmd.ExtraFiles = files[:len(files)-1]
	if err := l.cmd.Start(); err != nil {
		l.discard()
		return nil, fmt.Errorf("start a process: %w", err)
	}
	return l, nil
}

// equip fills l and returns the files for the worker's side: control socket,
// slot, memory if any, what the sockets share if anything, what all workers share
// if anything, and the pipe it prints to.
func (g *Group) equip(p *process, l *launched) (files []*os.File, err error) {
	conn, there, err := controlPair()
	if err != nil {
		return nil, err
	}
	l.conn = conn
	files = append(files, there)
	socket, err := g.cfg.Sockets.File(p.slot)
	if err != nil {
		return files, fmt.Errorf("socket of slot %d: %w", p.slot, err)
	}
	files = append(files, socket)
	if g.cfg.MemorySize > 0 {
		memory, f, err := newMemory(g.cfg.MemorySize)
		if err != nil {
			return files, err
		}
		if g.cfg.Prepare != nil {
			g.cfg.Prepare(memory)
		}
		l.memory = memory
		files = append(files, f)
		if l.shared, err = again(f); err != nil {
			return files, fmt.Errorf("shared memory: %w", err)
		}
	}
	if sharing, ok := g.cfg.Sockets.(Sharing); ok {
		f, err := sharing.Share()
		if err != nil {
			return files, err
		}
		if f != nil {
			l.extra = fdControl + len(files)
			files = append(files, f)
		}
	}
	if g.cfg.Common != nil {
		f, err := again(g.cfg.Common.file)
		if err != nil {
			return files, fmt.Errorf("memory that workers share: %w", err)
		}
		l.common = fdControl + len(files)
		files = append(files, f)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return files, fmt.Errorf("pipe for a worker's output: %w", err)
	}
	l.output = &output{file: r, done: make(chan struct{})}
	return append(files, w), nil
}

// discard frees what equip has made when there is no process to use it.
func (l *launched) discard() {
	if l.conn != nil {
		l.conn.Close()
	}
	if l.output != nil {
		l.output.file.Close()
	}
	if l.shared != nil {
		l.shared.Close()
	}
	unmap(l.memory)
}

func closeAll(files *[]*os.File) {
	for _, f := range *files {
		f.Close()
	}
}

// command is the configured one, or this executable again under a title that
// tells an operator what it is; share is how many workers share the processors.
func (g *Group) command(p *process, share int) (*exec.Cmd, error) {
	var cmd *exec.Cmd
	if g.cfg.Command != nil {
		cmd = g.cfg.Command()
	} else {
		path, err := executable()
		if err != nil {
			return nil, fmt.Errorf("find this executable: %w", err)
		}
		title := fmt.Sprintf("%s: worker %s/%d", filepath.Base(os.Args[0]), g.cfg.Name, p.place.id)
		cmd = &exec.Cmd{Path: path, Args: []string{title}}
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = workerEnv(cmd.Env, share)
	cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d %d %s", marker, p.place.id, g.cfg.MemorySize, g.cfg.Name), fmt.Sprintf("%s=%d", slotMarker, p.slot))
	cmd.SysProcAttr = ownSession()
	return cmd, nil
}

// workerEnv returns env without what is meant for the master alone, and with
// the worker's share of the processors unless somebody has chosen one.
func workerEnv(env []string, share int) []string {
	own := []string{marker, slotMarker, sharedMarker, commonMarker, "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}
	chosen := false
	var kept []string
next:
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		for _, o := range own {
			if name == o {
				continue next
			}
		}
		chosen = chosen || name == "GOMAXPROCS"
		kept = append(kept, v)
	}
	if !chosen {
		kept = append(kept, "GOMAXPROCS="+strconv.Itoa(processors(goruntime.GOMAXPROCS(0), share)))
	}
	return kept
}

// processors each of n workers should use of all there are: rounded up, at least 1.
func processors(all, n int) int {
	n = max(1, n)
	return max(1, (all+n-1)/n)
}
