package endpoints

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// startTimeout bounds how long a new worker may take until it serves.
const startTimeout = 10 * time.Second

// Endpoint is one bound address being served, by the master itself or by a
// group of workers. Its sockets outlive whoever serves them.
type Endpoint struct {
	name    string
	sockets Sockets
	log     *slog.Logger
	owner   *Listener
	// program has this listener, if it is one of Go code; a worker is then a new
	// process of the same program.
	program serving.Program
	// adoptees are workers that serve already, of a master that died.
	adoptees orphans
	// admission is shared by all who serve it; nil if there never was a worker.
	admission *serving.Admission

	// moving counts those who drain after a move between master and workers.
	moving sync.WaitGroup
	// refused and over are those of end; nil before. The owner's mu guards them.
	refused, over <-chan struct{}

	// mu guards what snapshots read. It is never held while something is
	// started, drained or waited for.
	mu       sync.Mutex
	settings serving.Settings
	local    *serving.Service   // serves in this process; nil when preforked
	group    *prefork.Group     // nil when in process
	leaving  []*serving.Service // drain after a move into workers
	departed []*prefork.Group
}

// newEndpoint is one on open sockets; nobody serves them yet, so what arrives waits
// in their queue.
func (l *Listener) newEndpoint(sockets Sockets) *Endpoint {
	e := &Endpoint{name: l.name, sockets: sockets, log: l.set.log, owner: l, program: l.set.program(l.name)}
	if s, ok := sockets.(steerable); ok {
		s.Measure(e.owners)
	}
	return e
}

// start begins to serve by settings.
func (e *Endpoint) start(ctx context.Context, s serving.Settings) error {
	if len(e.adoptees) > 0 {
		return e.startAdopted(ctx, s)
	}
	if s.Listener.Prefork.Workers > 0 {
		return e.startGroup(ctx, s)
	}
	_, err := e.startLocal(s)
	return err
}

// startLocal serves in this process, from every slot that exists: what still
// arrives on a slot that a worker has left must be accepted too.
func (e *Endpoint) startLocal(s serving.Settings) (*serving.Service, error) {
	local := serving.New(serving.Config{
		Name: e.name, Board: scoreboard.New(), Admission: e.admission,
		Dedicated: e.owner.set.dedicated, Program: e.program, Log: e.log,
	})
	if err := local.Update(s); err != nil {
		return nil, fmt.Errorf("listener %s: %w", e.name, err)
	}
	if err := e.serveLocal(local); err != nil {
		local.Discard()
		return nil, fmt.Errorf("listener %s: %w", e.name, err)
	}
	e.mu.Lock()
	e.settings, e.local = s, local
	e.mu.Unlock()
	return local, nil
}

// startGroup serves in worker processes; it returns when all are ready.
func (e *Endpoint) startGroup(ctx context.Context, s serving.Settings) error {
	if err := e.share(); err != nil {
		return err
	}
	group := prefork.NewGroup(e.groupConfig(s))
	if err := group.Resize(ctx, s.Listener.Prefork.Workers); err != nil {
		stopped, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return errors.Join(fmt.Errorf("listener %s: %w", e.name, err), group.Stop(stopped))
	}
	e.mu.Lock()
	e.settings, e.group = s, group
	e.mu.Unlock()
	return nil
}

// groupConfig is that of the workers that serve by s.
func (e *Endpoint) groupConfig(s serving.Settings) prefork.Config {
	return prefork.Config{
		Name:          e.name,
		Sockets:       e.lend(),
		MemorySize:    scoreboard.Size,
		Prepare:       scoreboard.Describe,
		Common:        e.admission.Memory(),
		Settings:      e.encode(s),
		Command:       e.workerCommand(),
		StartTimeout:  startTimeout,
		DrainTimeout:  s.DrainTimeout(),
		Log:           e.log,
		OnEvent:       e.owner.onWorker,
		Beat:          beatOf,
		HangTimeout:   s.HangTimeout(),
		Recycle:       s.Recycle(),
		Requests:      requestsOf,
		Resident:      procstat.Resident,
		OrphanDir:     e.owner.set.orphanDir,
		Room:          procstat.RoomForWorkers,
		OrphanTimeout: s.OrphanTimeout(),
		Fold:          func(_ int, memory []byte) { e.ended(scoreboard.Over(memory)) },
	}
}

// workerCommand starts a worker; nil stands for this program as it was started.
func (e *Endpoint) workerCommand() func() *exec.Cmd {
	if e.program == nil {
		return nil
	}
	return e.program.Command
}

func beatOf(memory []byte) uint64 { return scoreboard.Over(memory).Beat.Load() }

func requestsOf(memory []byte) uint64 { return scoreboard.Over(memory).Listener.Requests.Load() }

// watchWorkers brings to the group what concerns the life of workers.
func watchWorkers(g *prefork.Group, s serving.Settings) {
	g.SetOrphanTimeout(s.OrphanTimeout())
	g.SetDrainTimeout(s.DrainTimeout())
	g.SetHangTimeout(s.HangTimeout())
	g.SetRecycle(s.Recycle())
}

// ended is called when a process that counted on b is gone for good, or serves no
// more.
func (e *Endpoint) ended(b *scoreboard.Board) {
	e.admission.Leave(b)
	e.owner.set.retired(e.owner, b)
}

// Change brings the endpoint to other settings of the same address. It returns
// how to take that back, and what remains to be retired once the whole change
// is decided. An error leaves the endpoint as it was.
func (e *Endpoint) Change(ctx context.Context, to serving.Settings) (undo, retire func(), err error) {
	unsteer, err := e.steerBy(to)
	if err != nil {
		return nil, nil, err
	}
	back, retire, err := e.changeServers(ctx, to)
	if err != nil {
		unsteer()
		return nil, nil, err
	}
	return func() { back(); unsteer() }, retire, nil
}

func (e *Endpoint) changeServers(ctx context.Context, to serving.Settings) (undo, retire func(), err error) {
	e.mu.Lock()
	from, local, group := e.settings, e.local, e.group
	e.mu.Unlock()
	switch was, will := from.Listener.Prefork.Workers, to.Listener.Prefork.Workers; {
	case was == 0 && local == nil:
		return nil, nil, fmt.Errorf("listener %s: it has drained, as the runtime ends", e.name)
	case was == 0 && will == 0:
		return e.changeLocal(local, from, to)
	case was > 0 && will > 0:
		return e.changeGroup(ctx, group, from, to)
	case will > 0:
		return e.moveToGroup(ctx, local, from, to)
	default:
		return e.moveToLocal(group, from, to)
	}
}

func (e *Endpoint) changeLocal(local *serving.Service, from, to serving.Settings) (undo, retire func(), err error) {
	if err := local.Update(to); err != nil {
		return nil, nil, fmt.Errorf("listener %s: %w", e.name, err)
	}
	e.setSettings(to)
	undo = func() {
		local.Update(from) // worked a moment ago
		e.setSettings(from)
	}
	return undo, func() {}, nil
}

func (e *Endpoint) changeGroup(ctx context.Context, group *prefork.Group, from, to serving.Settings) (undo, retire func(), err error) {
	if err := group.Update(ctx, e.encode(to)); err != nil {
		return nil, nil, fmt.Errorf("listener %s: %w", e.name, err)
	}
	was, will := from.Listener.Prefork.Workers, to.Listener.Prefork.Workers
	undo = func() {
		back, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		group.Resize(back, was)
		group.Update(back, e.encode(from))
		watchWorkers(group, from)
		e.setSettings(from)
	}
	watchWorkers(group, to)
	if will > was {
		if err := group.Resize(ctx, will); err != nil {
			undo()
			return nil, nil, fmt.Errorf("listener %s: %w", e.name, err)
		}
	}
	e.setSettings(to)
	retire = func() {
		if will < was {
			if err := group.Resize(context.Background(), will); err != nil {
				e.log.Error("retiring workers", "listener", e.name, "error", err)
			}
		}
	}
	return undo, retire, nil
}

// moveToGroup replaces serving in this process by workers on the same sockets.
func (e *Endpoint) moveToGroup(ctx context.Context, local *serving.Service, from, to serving.Settings) (undo, retire func(), err error) {
	if err := e.mayMove(); err != nil {
		return nil, nil, err
	}
	if err := e.startGroup(ctx, to); err != nil {
		e.steerLocal()
		return nil, nil, err
	}
	e.mu.Lock()
	group := e.group
	e.local, e.leaving = nil, append(e.leaving, local)
	e.mu.Unlock()
	undo = func() {
		e.steerLocal()
		e.mu.Lock()
		e.settings, e.local, e.group, e.leaving = from, local, nil, without(e.leaving, local)
		e.mu.Unlock()
		group.AcceptConns(local.AcceptConn)
		e.endGroup(group)
	}
	retire = func() {
		local.HandOver(group.SendConn)
		e.moving.Go(func() {
			local.Drain(from.DrainTimeout())
			e.mu.Lock()
			e.leaving = without(e.leaving, local)
			e.mu.Unlock()
			e.ended(local.Board())
		})
	}
	return undo, retire, nil
}

// moveToLocal replaces workers by serving in this process.
func (e *Endpoint) moveToLocal(group *prefork.Group, from, to serving.Settings) (undo, retire func(), err error) {
	if err := e.mayMove(); err != nil {
		return nil, nil, err
	}
	local, err := e.startLocal(to)
	if err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	e.group, e.departed = nil, append(e.departed, group)
	e.mu.Unlock()
	undo = func() {
		e.mu.Lock()
		e.settings, e.local, e.group, e.departed = from, nil, group, without(e.departed, group)
		e.mu.Unlock()
		local.HandOver(group.SendConn)
		local.Drain(to.DrainTimeout())
		e.ended(local.Board())
	}
	retire = func() {
		e.steerLocal()
		group.AcceptConns(local.AcceptConn)
		e.moving.Go(func() { e.endGroup(group) })
	}
	return undo, retire, nil
}

// endGroup drains a group whose sockets somebody else serves from now on, to whom
// its workers hand their connections over.
func (e *Endpoint) endGroup(group *prefork.Group) {
	e.stopGroup(group)
	e.mu.Lock()
	e.departed = without(e.departed, group)
	local := e.local
	e.mu.Unlock()
	if local != nil {
		e.sockets.Steer([]int{0}) // the group steered to its last worker
	}
}

// stopGroup waits for each worker until its drain deadline, wherever that is
// moved to; the group itself ends those that stay longer.
func (e *Endpoint) stopGroup(group *prefork.Group) {
	if err := group.Stop(context.Background()); err != nil {
		e.log.Warn("workers had to be ended", "listener", e.name, "error", err)
	}
}

// end stops serving for good. The sockets are closed as soon as nobody accepts
// any more, so that new connections are refused while the accepted ones finish:
// refused is closed then, done when all is over. With a successor the listener is
// served elsewhere from now on, and idle connections get the time to learn of it
// with a last response. It is called by [Listener.end], once.
func (e *Endpoint) end(successor bool) (refused, done <-chan struct{}) {
	noAccept, over := make(chan struct{}), make(chan struct{})
	timeout := e.Settings().DrainTimeout()
	go func() {
		defer close(over)
		if err := e.sockets.Quiesce(); err != nil {
			e.log.Warn("connections may be refused with a delay", "listener", e.name, "error", err)
		}
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			e.drain(timeout, successor)
		}()
		e.awaitNoAccept(drained)
		if err := e.sockets.Close(); err != nil {
			e.log.Error("closing sockets", "listener", e.name, "error", err)
		}
		close(noAccept)
		<-drained
		e.moving.Wait()
	}()
	return noAccept, over
}

// drain ends all who serve this endpoint; what workers have left, after the
// timeout of theirs.
func (e *Endpoint) drain(timeout time.Duration, successor bool) {
	e.mu.Lock()
	local, group := e.local, e.group
	e.mu.Unlock()
	if local != nil {
		if !successor {
			local.NoSuccessor()
		}
		local.Drain(timeout)
		e.mu.Lock()
		e.local = nil
		e.mu.Unlock()
		e.ended(local.Board())
	}
	if group != nil {
		if successor {
			announceSuccessor(group)
		}
		e.stopGroup(group)
	}
}

// announceSuccessor tells the workers of a group that the listener is served on
// after their drain. One that does not answer is hung, or of a program that does
// not know the call.
func announceSuccessor(group *prefork.Group) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var told sync.WaitGroup
	for _, pid := range answering(group) {
		told.Go(func() { group.Call(ctx, pid, serving.CallSuccessor, nil) })
	}
	told.Wait()
}

// awaitNoAccept returns when no process accepts from the sockets any more.
func (e *Endpoint) awaitNoAccept(drained <-chan struct{}) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for e.accepting() {
		select {
		case <-drained:
			return
		case <-tick.C:
		}
	}
}

func (e *Endpoint) accepting() bool {
	accepting := false
	e.Each(func(_ prefork.Status, b *scoreboard.Board) {
		accepting = accepting || b.Accepting.Load() > 0
	})
	return accepting
}

// Each calls f for every process that serves or drains, with its board. The
// master itself comes with a zero Status.
func (e *Endpoint) Each(f func(prefork.Status, *scoreboard.Board)) {
	locals, groups := e.servers()
	for _, local := range locals {
		f(prefork.Status{DrainDeadline: local.DrainDeadline()}, local.Board())
	}
	for _, group := range groups {
		group.Each(func(s prefork.Status, memory []byte) {
			if memory == nil { // no process at the moment
				f(s, scoreboard.New())
				return
			}
			f(s, scoreboard.Over(memory))
		})
	}
}

// servers are all who serve or drain.
func (e *Endpoint) servers() (locals []*serving.Service, groups []*prefork.Group) {
	e.mu.Lock()
	defer e.mu.Unlock()
	locals = append(locals, e.leaving...)
	if e.local != nil {
		locals = append(locals, e.local)
	}
	groups = append(groups, e.departed...)
	if e.group != nil {
		groups = append(groups, e.group)
	}
	return locals, groups
}

// Settings that the endpoint is served by.
func (e *Endpoint) Settings() serving.Settings {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings
}

func (e *Endpoint) setSettings(s serving.Settings) {
	e.mu.Lock()
	e.settings = s
	e.mu.Unlock()
}

// share makes the admission of an endpoint that gets its first workers, or takes
// over that of workers that serve already.
func (e *Endpoint) share() (err error) {
	if e.admission != nil {
		return nil
	}
	if len(e.adoptees) > 0 {
		var c *prefork.Common
		if c, err = e.adoptees[0].Common(); err == nil {
			e.admission, err = serving.AdmissionOver(c)
		}
	} else {
		e.admission, err = serving.NewAdmission()
	}
	if err != nil {
		return fmt.Errorf("listener %s: %w", e.name, err)
	}
	return nil
}

// retain drops what processes count that are not there any more.
func (e *Endpoint) retain() {
	var boards []*scoreboard.Board
	e.Each(func(_ prefork.Status, b *scoreboard.Board) { boards = append(boards, b) })
	e.admission.Retain(boards)
}

// without returns list less the one element v.
func without[T comparable](list []T, v T) []T {
	var out []T
	for _, x := range list {
		if x != v {
			out = append(out, x)
		}
	}
	return out
}
