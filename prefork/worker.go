package prefork

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// startedAs is this process's marker: empty if not as a worker.
var startedAs = os.Getenv(marker)

// IsWorker reports whether this process was started as a worker. A program asks
// it before anything else, and if so calls Connect.
func IsWorker() bool { return supported && startedAs != "" }

// Worker is this process in the role of a worker.
type Worker struct {
	id     int
	name   string
	memory []byte
	conn   *net.UnixConn
	slot   *os.File
	number int // of the slot
	shared *os.File
	common *Common

	accepting net.Listener // what Listener returned
	backing   *os.File     // of the memory
	started   time.Time
}

// Handlers are what a worker does. All but Settings may be nil.
type Handlers struct {
	// Settings takes over settings. The first call starts serving and returns
	// once the worker does; each error is reported to the master, and one from
	// the first call ends Run. Calls come one after the other.
	Settings func(payload []byte) error
	// Drain stops accepting, finishes what is open and closes the rest when
	// ctx ends. It is called once at most, and never before or during a first
	// call of Settings. When it returns, Run does. send is nil where nobody
	// would take a connection over.
	Drain func(ctx context.Context, send SendConn)
	// Conn serves a connection the master has accepted, also while Drain
	// runs. It must not block.
	Conn func(net.Conn)
	// AcceptConn takes over a connection that another worker, or the master, had
	// served before. It must not block.
	AcceptConn AcceptConn
	// Call answers a question of the master. Calls may run at the same time.
	Call func(kind string, payload []byte) ([]byte, error)
}

// Connect takes over what the master has given to this process. From then on the
// process survives SIGHUP and SIGINT, and programs it starts are not workers.
func Connect() (*Worker, error) {
	if !IsWorker() {
		return nil, ErrNotWorker
	}
	id, size, name, err := parseMarker(startedAs)
	if err != nil {
		return nil, err
	}
	if os.Getenv(marker) == "" {
		return nil, errors.New("connect to the master: already connected")
	}
	os.Unsetenv(marker)
	signal.Notify(make(chan os.Signal, 1), workerSignals...)
	w := &Worker{id: id, name: name, started: time.Now()}
	if err := w.inherit(size); err != nil {
		return nil, fmt.Errorf("connect to the master: %w", err)
	}
	if w.number, err = strconv.Atoi(os.Getenv(slotMarker)); err != nil {
		return nil, fmt.Errorf("connect to the master: %s is not set by one: %w", slotMarker, err)
	}
	os.Unsetenv(slotMarker)
	if w.shared, err = inheritFile(sharedMarker); err != nil {
		return nil, fmt.Errorf("connect to the master: %w", err)
	}
	if w.common, err = takeCommon(); err != nil {
		return nil, fmt.Errorf("connect to the master: %w", err)
	}
	return w, nil
}

// parseMarker takes apart "id size name".
func parseMarker(s string) (id, size int, name string, err error) {
	fields := strings.SplitN(s, " ", 3)
	if len(fields) == 3 {
		id, err = strconv.Atoi(fields[0])
		if err == nil {
			size, err = strconv.Atoi(fields[1])
		}
		if err == nil && id >= 0 && size >= 0 {
			return id, size, fields[2], nil
		}
	}
	return 0, 0, "", fmt.Errorf("%s is %q, not set by a master: unset it", marker, s)
}

// inherit checks and takes the descriptors.
func (w *Worker) inherit(size int) error {
	control, err := inherited(fdControl, "control socket", true)
	if err != nil {
		return err
	}
	defer control.Close()
	if w.slot, err = inherited(fdSlot, "listening socket", true); err != nil {
		return err
	}
	if size > 0 {
		f, err := inherited(fdMemory, "shared memory", false)
		if err != nil {
			return err
		}
		w.backing = f // for another master
		if w.memory, err = mapShared(f, size); err != nil {
			return err
		}
	}
	w.conn, err = controlConn(control)
	return err
}

// inheritFile takes the descriptor that a variable tells, if it is set.
func inheritFile(marker string) (*os.File, error) {
	text := os.Getenv(marker)
	if text == "" {
		return nil, nil
	}
	os.Unsetenv(marker)
	fd, err := strconv.Atoi(text)
	if err != nil || fd < fdMemory {
		return nil, fmt.Errorf("%s is %q, not set by a master: unset it", marker, text)
	}
	return kept(fd)
}

func takeCommon() (*Common, error) {
	f, err := inheritFile(commonMarker)
	if err != nil || f == nil {
		return nil, err
	}
	return mapCommon(f)
}

// Shared is the file that the group's Sockets share, for the worker to close; nil
// if there is none.
func (w *Worker) Shared() *os.File { return w.shared }

// ID is the worker's place in its group, from 0.
func (w *Worker) ID() int { return w.id }

// Name is that of the group.
func (w *Worker) Name() string { return w.name }

// Memory is shared with the master, which reads it at any time, also after this
// process has ended. It is nil if the group has none.
func (w *Worker) Memory() []byte { return w.memory }

// Slot is the number of the worker's slot among those of its group.
func (w *Worker) Slot() int { return w.number }

// PacketConn is Listener for a socket that receives packets.
func (w *Worker) PacketConn() (net.PacketConn, error) {
	if w.slot == nil {
		return nil, errors.New("the socket was already taken")
	}
	pc, err := net.FilePacketConn(w.slot)
	if err != nil {
		return nil, fmt.Errorf("inherited socket: %w", err)
	}
	w.slot.Close()
	w.slot = nil
	return pc, nil
}

// Listener returns the socket this worker accepts from. It can be taken once;
// closing it leaves the socket and its queue to the master.
func (w *Worker) Listener() (net.Listener, error) {
	if w.slot == nil {
		return nil, errors.New("the listening socket was already taken")
	}
	ln, err := net.FileListener(w.slot)
	if err != nil {
		return nil, fmt.Errorf("inherited listening socket: %w", err)
	}
	w.slot.Close()
	w.slot, w.accepting = nil, ln
	return ln, nil
}

const (
	// leaveGrace is how long a master may take to order the drain a worker asks for.
	leaveGrace = time.Second
	// maxCalls is how many calls may be under way.
	maxCalls = 16
)

// Run does what the master says until the worker has drained: because the master
// said so or is gone, because of SIGTERM, or because ctx ended. It returns nil
// then, and the process should exit with status 0. An error means that serving
// never began.
func (w *Worker) Run(ctx context.Context, h Handlers) error {
	s := &session{
		worker:    w,
		handlers:  h,
		settings:  make(chan frame, maxQueued),
		callSlots: make(chan struct{}, maxCalls),
		failed:    make(chan error, 1),
		drained:   make(chan struct{}),
		over:      make(chan struct{}),
		timeout:   defaultDrain,
	}
	inbox := s.connect(w.conn)
	go s.takeSettings()
	err := s.run(ctx, inbox)
	close(s.over)
	close(s.settings)
	s.master().close() // what was said is still written
	<-s.written
	return err
}

// session is one Run. Its loop owns everything not said to be otherwise.
type session struct {
	worker    *Worker
	handlers  Handlers
	link      atomic.Pointer[link] // to the present master, or the last one
	written   chan struct{}        // closed when nothing is written to it any more
	calls     pendingCalls         // of the master
	orphan    time.Duration        // to serve on without a master
	orphanDir string               // where to wait for another one
	taken     []byte               // the settings in effect; mu guards it
	settings  chan frame           // to takeSettings
	callSlots chan struct{}        // holds a token for each call under way
	failed    chan error           // why the first settings were refused
	drained   chan struct{}        // closed when Drain has returned
	over      chan struct{}        // closed when run has returned
	timeout   time.Duration        // of a drain nobody has ordered
	clock     *time.Timer          // ends the drain; nil before
	mu        sync.Mutex           // held while Settings runs; guards serving
	serving   bool                 // Settings has succeeded once
}

// received is a frame and the descriptor that came with it.
type received struct {
	frame frame
	file  *os.File
}

// master is the link to it.
func (s *session) master() *link { return s.link.Load() }

// connect makes whoever is at the other end of conn the master, and returns what
// that one sends. The channel is closed at its end.
func (s *session) connect(conn *net.UnixConn) <-chan received {
	l, written := newLink(), make(chan struct{})
	s.link.Store(l)
	s.written = written
	go func() { l.run(conn); close(written) }()
	s.calls.reopen()
	inbox := make(chan received)
	go func() {
		defer close(inbox)
		defer s.calls.close(errGone)
		for {
			f, file, err := l.receive(conn)
			if err != nil {
				return
			}
			select {
			case inbox <- received{f, file}:
			case <-s.over:
				return
			}
		}
	}()
	return inbox
}

func (s *session) run(ctx context.Context, inbox <-chan received) error {
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	defer signal.Stop(terminate)
	var impatient <-chan time.Time
	leave := func() {
		s.master().send(outgoing{frame: frame{Kind: kindLeave}})
		impatient = time.After(leaveGrace)
	}
	ended := ctx.Done()
	var alone *orphanWait // nil while there is a master
	for {
		select {
		case r, ok := <-inbox:
			if !ok {
				inbox = nil
				if alone = s.orphaned(); alone == nil {
					s.drain(frame{Timeout: s.timeout})
				}
				continue
			}
			s.handle(r)
		case conn := <-alone.found():
			alone = nil
			s.master().close()
			inbox = s.connect(conn)
		case <-alone.over():
			alone.end()
			s.drain(frame{Timeout: s.timeout})
		case <-terminate:
			leave()
		case <-ended:
			ended = nil
			leave()
		case <-impatient:
			s.drain(frame{Timeout: s.timeout})
		case err := <-s.failed:
			return err
		case <-s.drained:
			alone.end()
			return nil
		}
	}
}

func (s *session) handle(r received) {
	f := r.frame
	if f.Kind == kindConn {
		s.serve(f, r.file)
		return
	}
	if f.Kind == kindOutput && r.file != nil {
		redirect(r.file)
	}
	if r.file != nil {
		r.file.Close()
	}
	switch f.Kind {
	case kindSettings:
		s.timeout, s.orphan, s.orphanDir = f.Timeout, f.Orphan, f.OrphanDir
		s.settings <- f // no more can be under way than the master queues
	case kindTimeout:
		s.timeout, s.orphan, s.orphanDir = f.Timeout, f.Orphan, f.OrphanDir
	case kindDrain:
		if s.clock != nil {
			s.clock.Reset(f.Timeout)
			return
		}
		s.drain(f)
	case kindReply:
		if fn := s.calls.take(f.ID); fn != nil {
			fn(f, nil)
		}
	case kindCall:
		s.answer(f)
	default:
		if f.ID != 0 {
			s.reply(f.ID, nil, errUnknown(f))
		}
	}
}

// serve takes a passed connection. The master must know before anything is read
// from it: until then it would give it to another, should this process end. There
// is no file if this process has no descriptor left; the master then keeps it.
func (s *session) serve(f frame, file *os.File) {
	if len(f.Body) > 0 {
		s.adopt(f, file)
		return
	}
	if file == nil {
		return
	}
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		return
	}
	taken := frame{Kind: kindReply, ID: f.ID}
	if s.handlers.Conn == nil || !s.master().send(outgoing{frame: taken, then: func() { s.handlers.Conn(c) }}) {
		c.Close()
	}
}

// adopt takes over what another process has served, or says that it does not.
func (s *session) adopt(f frame, file *os.File) {
	if file == nil || s.handlers.AcceptConn == nil {
		s.reply(f.ID, nil, errNobody)
		return
	}
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		s.reply(f.ID, nil, err)
		return
	}
	settle, err := s.handlers.AcceptConn(c, f.Body)
	if err != nil {
		c.Close()
		s.reply(f.ID, nil, err)
		return
	}
	taken := frame{Kind: kindReply, ID: f.ID}
	if !s.master().send(outgoing{frame: taken, then: func() { settle(true) }}) {
		settle(false)
	}
}

// overloadPause is how long a worker waits that finds all others overloaded.
const overloadPause = 5 * time.Millisecond

// sendConn has the master hand over a connection. If the master dies meanwhile,
// another worker may have it or nobody: it is left to that one.
func (s *session) sendConn(c net.Conn, about []byte, done func(error)) {
	o := outgoing{frame: frame{Kind: kindGive, Body: about}, conn: c}
	o.frame.ID = s.calls.add(o, func(f frame, err error) {
		switch {
		case errors.Is(err, errUnsendable):
			done(err)
		case err != nil:
			done(nil)
		case f.Error == errOverloaded.Error():
			time.AfterFunc(overloadPause, func() { s.sendConn(c, about, done) })
		default:
			done(replyError(f, nil))
		}
	})
	if o.frame.ID == 0 {
		done(errGone)
		return
	}
	o.unsendable = s.calls.fail(o.frame.ID)
	if !s.master().send(o) && s.calls.take(o.frame.ID) != nil {
		done(errNotReading)
	}
}

// takeSettings calls the handler for each, until settings is closed.
func (s *session) takeSettings() {
	for f := range s.settings {
		s.mu.Lock()
		err := s.handlers.Settings(f.Body)
		first := !s.serving
		s.serving = s.serving || err == nil
		if err == nil {
			s.taken = f.Body
		}
		s.mu.Unlock()
		s.reply(f.ID, nil, err)
		if first && err != nil {
			s.failed <- fmt.Errorf("take the first settings: %w", err)
			return
		}
	}
}

func (s *session) reply(id uint64, body []byte, err error) {
	f := frame{Kind: kindReply, ID: id, Body: body}
	if err != nil {
		f.Error = err.Error()
	}
	s.master().send(outgoing{frame: f})
}

// drain begins to drain, unless it has begun.
func (s *session) drain(f frame) {
	if s.clock != nil {
		return
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	s.clock = time.AfterFunc(f.Timeout, func() { cancel(context.DeadlineExceeded) })
	var send SendConn
	if f.Handover {
		send = s.sendConn
	}
	go func() {
		defer close(s.drained)
		defer cancel(nil)
		s.mu.Lock()
		serving := s.serving
		s.mu.Unlock()
		if serving && s.handlers.Drain != nil {
			s.handlers.Drain(ctx, send)
		}
	}()
}

// answer replies to a call as soon as the handler has.
func (s *session) answer(f frame) {
	if s.handlers.Call == nil {
		s.reply(f.ID, nil, fmt.Errorf("unknown call %q", f.Call))
		return
	}
	select {
	case s.callSlots <- struct{}{}:
	default:
		s.reply(f.ID, nil, fmt.Errorf("already busy with %d calls", maxCalls))
		return
	}
	go func() {
		defer func() { <-s.callSlots }()
		body, err := s.handlers.Call(f.Call, f.Body)
		if len(body) > MaxPayload {
			body, err = nil, fmt.Errorf("the answer of %d bytes is too large: at most %d", len(body), MaxPayload)
		}
		s.reply(f.ID, body, err)
	}()
}
