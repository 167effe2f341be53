package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// refuseTimeout bounds how long a change waits until a stopped listener refuses
// new connections; what it has accepted drains on after that.
const refuseTimeout = 2 * time.Second

// apply brings the running state to what to says and returns what changed. First
// comes what can fail: addresses are bound, workers started, settings accepted
// by all of them; a failure undoes it and leaves no trace. Then the change is
// decided, and what it replaces is retired. Callers hold changeMu.
func (a *App) apply(ctx context.Context, to *config.Config) ([]config.Change, error) {
	changes, _, err := a.carryOut(ctx, deed{to: to})
	return changes, err
}

// carryOut is apply for a deed: with what else can fail, done last of all that
// can, and with the number of the receipt; 0 if it has no plan.
func (a *App) carryOut(ctx context.Context, d deed) ([]config.Change, uint64, error) {
	to := d.to
	changes := config.Diff(a.config, to)
	steps, err := a.steps(a.planView(a.view()), to, a.cells.Place)
	if err != nil {
		return nil, 0, err
	}
	for i, s := range steps {
		if err := s.check(ctx); err != nil {
			return nil, 0, err
		}
		steps[i].retired = s.retirees()
	}
	var undo, retire []func()
	var lost lostSteps
	back := func(err error) ([]config.Change, uint64, error) {
		for _, f := range slices.Backward(undo) {
			f()
		}
		if a.isClosed() { // who ended the runtime has not waited, and may have missed what came back just now
			for _, s := range steps {
				s.managed.end()
			}
		}
		return nil, 0, err
	}
	for _, s := range steps {
		takeBack, after, err := s.prepare(ctx)
		if d.lenient && isBindError(err) {
			lost = append(lost, lostStep{s, err})
			continue
		}
		if err != nil {
			return back(err)
		}
		undo, retire = append(undo, takeBack), append(retire, after)
	}
	if len(lost) > 0 && len(undo) == 0 {
		return back(lost.error())
	}
	if d.last != nil {
		if err := d.last(); err != nil {
			return back(err)
		}
	}
	failpoint("prepared")
	if !a.commit(to, steps, changes) {
		return back(ErrClosed)
	}
	failpoint("committed")
	lost.tell(a)
	a.keys.Use(a.usedCerts(), a.trial != nil || a.trying)
	id := a.begun(d, steps, changes)
	for _, f := range retire {
		f()
	}
	a.markedAll(id)
	a.announce()
	failpoint("retired")
	return changes, id, nil
}

// commit makes to what runs, unless the runtime has begun to end.
func (a *App) commit(to *config.Config, steps []step, changes []config.Change) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.config = to
	if len(changes) > 0 || a.revision == 0 {
		a.revision++
		a.edited = a.edited.add(a.revision, a.changing.actor, changes)
	}
	for _, s := range steps {
		a.listeners[s.Name] = s.managed
	}
	for name := range to.Listeners {
		if a.listeners[name] == nil { // configured, but not enabled
			a.listeners[name] = &managed{name: name, events: a.events}
		}
	}
	for name, m := range a.listeners {
		c, kept := to.Listeners[name]
		if !kept { // the sampler forgets it when it has drained
			c = m.config
			c.Enabled = false
		}
		m.configure(c)
	}
	return true
}

// served are the settings of all listeners that are served.
func (a *App) served() map[string]settings {
	all := map[string]settings{}
	for _, m := range a.sortedListeners() {
		if e := m.endpoint(); e != nil {
			all[m.name] = e.current()
		}
	}
	return all
}

// check finds, without touching anything that runs, what would make the
// settings fail in whoever serves them. It looks at directories that are served,
// and waits for them within bounds.
func (s step) check(ctx context.Context) error {
	if s.Ends() {
		return nil
	}
	_, err := slowdisk.Within(ctx, &s.app.files, "listener "+s.Name, slowdisk.FileTimeout, func() (struct{}, error) {
		return struct{}{}, s.try()
	})
	return err
}

func (s step) try() error {
	if e := s.running; e != nil && !s.Opens() {
		if err := e.maySteerBy(s.to); err != nil {
			return err
		}
	}
	if err := serving.Check(s.to, s.app.programOf(s.Name), s.app.log); err != nil {
		return fmt.Errorf("listener %s: %w", s.Name, err)
	}
	return nil
}

// prepare does what can fail. It returns how to take it back, and what is to be
// retired when the change is decided.
func (s step) prepare(ctx context.Context) (undo, retire func(), err error) {
	switch {
	case s.Ends():
		return func() {}, func() { s.stop(s.running) }, nil
	case s.Opens():
		return s.open(ctx)
	default:
		return s.running.change(ctx, s.to)
	}
}

// open binds the address and starts to serve it beside the endpoint in use, if any.
func (s step) open(ctx context.Context) (undo, retire func(), err error) {
	old := s.running
	e, err := s.bind(ctx)
	if err != nil {
		return nil, nil, err
	}
	e.program = s.app.programOf(s.Name)
	e.gone = func(b *scoreboard.Board) { s.app.gone(s.managed, b) }
	e.event = s.managed.onWorker
	e.alone, e.orphanDir = s.app.alone, s.app.orphanDir
	if err := e.start(ctx, s.to); err != nil {
		s.app.leave(e)
		return nil, nil, err
	}
	s.managed.adopt(e)
	undo = func() {
		s.managed.adopt(old)
		if len(e.adoptees) > 0 {
			s.app.leave(e)
			return
		}
		_, done := e.end()
		<-done
	}
	retire = func() {
		s.app.events.Infof(s.Name, "serving on %s", e.sockets.Addr())
		if old != nil {
			s.managed.retire(old)
		}
	}
	return undo, retire, nil
}

// bind opens what the listener accepts from: its address, or what the program
// has given it to accept from.
func (s step) bind(ctx context.Context) (*endpoint, error) {
	given, err := s.app.takeGiven(s.Name)
	if err != nil {
		return nil, err
	}
	if given != nil {
		return &endpoint{name: s.Name, sockets: given, log: s.app.log}, nil
	}
	if e := s.app.orphaned(s.Name, s.to); e != nil {
		return e, nil
	}
	e, err := bindEndpoint(ctx, s.Name, s.to, s.KeepsPort(), s.app.log)
	for tries := 100; tries > 0 && errors.Is(err, syscall.EADDRINUSE) && s.app.probing.Load() > 0; tries-- {
		time.Sleep(time.Millisecond) // a plan tries the address just now
		e, err = bindEndpoint(ctx, s.Name, s.to, s.KeepsPort(), s.app.log)
	}
	return e, s.managed.explain(err)
}

// stop retires the endpoint and waits until it refuses new connections.
func (s step) stop(e *endpoint) {
	refused, _ := s.managed.retire(e)
	s.app.announce()
	select {
	case <-refused:
	case <-time.After(refuseTimeout):
	}
	s.app.events.Infof(s.Name, "stopped, new connections are refused")
}

// managed returns the listener of that name, a new one if there was none. It
// becomes known to others when a change is committed.
func (a *App) managed(name string) *managed {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if m := a.listeners[name]; m != nil {
		return m
	}
	return &managed{name: name, events: a.events}
}
