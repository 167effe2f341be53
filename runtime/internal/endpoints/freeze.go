package endpoints

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// What another program needs to go on with the listeners of this one, in the same
// process. What this process serves itself is evacuated to an interim worker each
// before; then everything is frozen, and the other program resumes it and takes it
// over.

// State is a listener as it is handed to another program.
type State struct {
	Name          string          `json:"name"`
	RetiredTotals listener.Totals `json:"gone_by"`
	Highest       listener.Totals `json:"seen"`
	WasFull       bool            `json:"full"`
	Trouble       string          `json:"trouble,omitempty"`
	Failed        string          `json:"failed,omitempty"`
	Crashes       uint64          `json:"crashes"`
	// Endpoint is nil unless it serves, and until everything is frozen.
	Endpoint *Frozen `json:"endpoint,omitempty"`
}

// Frozen has the descriptors of an endpoint as numbers.
type Frozen struct {
	Sockets *sockets.Frozen    `json:"sockets"`
	QUIC    *listener.QUICKeys `json:"quic,omitempty"`
	Workers *prefork.Frozen    `json:"workers"`
	// InProcess tells that the master serves it, but for an interim worker meanwhile.
	InProcess bool `json:"in_process,omitempty"`
}

// descriptors that the other program gets.
func (f *Frozen) descriptors() []int {
	return append(f.Sockets.Descriptors(), f.Workers.Descriptors()...)
}

// State of all listeners, by name.
func (s *Set) State() (all []State) {
	for _, l := range s.All() {
		all = append(all, l.state())
	}
	return all
}

func (l *Listener) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return State{
		Name: l.name, RetiredTotals: l.retiredTotals, Highest: l.highest,
		WasFull: l.wasFull, Trouble: l.trouble, Failed: l.failed, Crashes: l.crashes.Load(),
	}
}

// ReceiptState is what another program needs to go on with the receipts.
func (s *Set) ReceiptState() (last uint64, all []*Receipt) { return s.receipts.state() }

// RestoreReceipts goes on with the receipts of another program.
func (s *Set) RestoreReceipts(last uint64, all []*Receipt) { s.receipts.restore(last, all) }

// Evacuate moves what this process serves itself to a worker each, on the receipt of
// that number, and waits until all connections from before are at their end. undo
// moves it back.
func (s *Set) Evacuate(ctx context.Context, receipt uint64) (undo func() error, err error) {
	var moved []*Endpoint
	undo = func() (err error) {
		for _, e := range moved {
			err = errors.Join(err, e.bringBack(context.Background()))
		}
		return err
	}
	for _, l := range s.All() {
		e := l.Endpoint()
		if e == nil || e.workers() != nil {
			continue
		}
		served := e.Serving(EveryWorker)
		_, retire, err := e.Change(ctx, byInterimWorker(e.Settings()))
		if err != nil {
			return undo, err
		}
		moved = append(moved, e)
		s.Mark(receipt, e, served)
		retire()
	}
	return undo, s.awaitEvacuated(ctx)
}

// byInterimWorker is s with one worker in the place of the master.
func byInterimWorker(s serving.Settings) serving.Settings {
	s.Listener.Prefork.Workers = 1
	return s
}

// bringBack moves an endpoint from its interim worker back into this process.
func (e *Endpoint) bringBack(ctx context.Context) error {
	to := e.Settings()
	to.Listener.Prefork.Workers = 0
	_, retire, err := e.Change(ctx, to)
	if err == nil {
		retire()
	}
	return err
}

// awaitEvacuated waits until this process has no connection left. Each has at most
// its listener's shutdown timeout.
func (s *Set) awaitEvacuated(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		busy := s.draining()
		if busy == "" {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("connections of %s are still open, and the runtime is shutting down", busy)
		case <-tick.C:
		}
	}
	for _, l := range s.All() {
		if e := l.Endpoint(); e != nil {
			e.moving.Wait() // for what they counted
		}
	}
	return nil
}

// draining names a listener of which something drains that cannot be handed to
// another program; empty if there is none.
func (s *Set) draining() string {
	for _, l := range s.All() {
		if l.isDraining() {
			return l.name
		}
	}
	return ""
}

func (l *Listener) isDraining() bool {
	l.mu.Lock()
	e, retiring := l.current, len(l.retiring)
	l.mu.Unlock()
	if e == nil || retiring > 0 {
		return retiring > 0
	}
	return e.isMoving()
}

// isMoving reports whether somebody drains who served the endpoint before.
func (e *Endpoint) isMoving() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.leaving)+len(e.departed) > 0
}

// Freeze stops what looks after workers and adds to the state of the listeners what
// serves them, with the numbers of their descriptors. thaw goes on, also after an
// error.
func (s *Set) Freeze(ctx context.Context) (all []State, descriptors []int, thaw func(), err error) {
	var undo []func()
	thaw = func() {
		for _, f := range undo {
			f()
		}
	}
	frozen := map[string]*Frozen{}
	for _, l := range s.All() {
		e := l.Endpoint()
		if e == nil {
			continue
		}
		f, back, err := e.freeze(ctx)
		if err != nil {
			return nil, nil, thaw, err
		}
		f.InProcess = l.Config().Prefork.Workers == 0
		undo = append(undo, back)
		frozen[l.name] = f
		descriptors = append(descriptors, f.descriptors()...)
	}
	all = s.State() // now that no process becomes one of the past any more
	for i := range all {
		all[i].Endpoint = frozen[all[i].Name]
	}
	return all, descriptors, thaw, nil
}

// freeze stops what looks after the workers of an endpoint.
func (e *Endpoint) freeze(ctx context.Context) (f *Frozen, thaw func(), err error) {
	f, group := new(Frozen), e.workers()
	if f.Workers, err = group.Freeze(ctx); err != nil {
		return nil, nil, err
	}
	if err = e.freezeSockets(f); err != nil {
		group.Thaw(f.Workers)
		return nil, nil, err
	}
	return f, func() {
		f.Sockets.Discard()
		group.Thaw(f.Workers)
	}, nil
}

// freezeSockets adds the sockets of e to f.
func (e *Endpoint) freezeSockets(f *Frozen) (err error) {
	switch s := e.sockets.(type) {
	case *sockets.Sockets:
		f.Sockets, err = s.Freeze()
	case *packets:
		f.QUIC = &s.keys
		f.Sockets, err = s.Freeze()
	default:
		err = fmt.Errorf("listener %s was opened by a program", e.name)
	}
	return err
}

// Resume goes on with a listener of another program. want is what the config says of
// all listeners, by gives the settings of this one.
func (s *Set) Resume(ctx context.Context, from State, want map[string]config.Listener, by func() (serving.Settings, error)) {
	l := s.Listener(from.Name)
	l.retiredTotals, l.highest = from.RetiredTotals, from.Highest
	l.wasFull, l.trouble, l.failed = from.WasFull, from.Trouble, from.Failed
	l.crashes.Store(from.Crashes)
	l.config, l.configured = want[from.Name]
	if from.Endpoint != nil {
		e, err := l.resumeEndpoint(ctx, from.Endpoint, by)
		if err != nil {
			s.events.Error(l.name, message.NotTakenOver, err)
			l.failed = err.Error() // and is opened anew
		} else {
			l.current = e
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners[l.name] = l
}

// resumeEndpoint goes on with an endpoint. An error has closed its sockets, so that
// its address can be had.
func (l *Listener) resumeEndpoint(ctx context.Context, f *Frozen, by func() (serving.Settings, error)) (*Endpoint, error) {
	s, err := by()
	if err != nil {
		return nil, err
	}
	if f.InProcess {
		s = byInterimWorker(s)
	}
	open, err := f.adoptSockets()
	if err != nil {
		return nil, err
	}
	e := l.newEndpoint(open)
	e.settings = s
	if err := e.resumeGroup(ctx, f); err != nil {
		return nil, errors.Join(err, open.Close())
	}
	return e, nil
}

// resumeGroup goes on with the workers of an endpoint. If they cannot be adopted,
// others take their place.
func (e *Endpoint) resumeGroup(ctx context.Context, f *Frozen) error {
	if common, err := f.Workers.MapCommon(); err == nil {
		e.admission, err = serving.AdmissionOver(common)
		if err != nil {
			return err
		}
	} else if err := e.share(); err != nil {
		return err
	}
	var err error
	if e.group, err = prefork.Adopt(e.groupConfig(e.settings), f.Workers); err == nil {
		e.retain()
		return nil
	}
	e.owner.set.events.Error(e.name, message.NewWorkersTakeOver, err)
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return e.startGroup(ctx, e.settings)
}

func (f *Frozen) adoptSockets() (Sockets, error) {
	if f.QUIC == nil {
		return orNil(sockets.Adopt(f.Sockets))
	}
	s, err := sockets.AdoptPackets(f.Sockets)
	if err != nil {
		return nil, err
	}
	return &packets{s, *f.QUIC}, nil
}

// TakeOver brings all that was resumed to this program, on the receipt of that
// number: what the program before served itself comes into this process, and workers
// are replaced one after the other.
func (s *Set) TakeOver(ctx context.Context, receipt uint64, resumed []State) error {
	var errs []error
	for _, from := range resumed {
		if e := s.Listener(from.Name).Endpoint(); e != nil && from.Endpoint != nil {
			s.Mark(receipt, e, e.Serving(EveryWorker))
			errs = append(errs, e.takeOver(ctx, from.Endpoint.InProcess))
		}
	}
	s.UnmarkAll(receipt) // what could not be replaced
	s.MarkedAll(receipt)
	return errors.Join(errs...)
}

func (e *Endpoint) takeOver(ctx context.Context, inProcess bool) error {
	if inProcess {
		if err := e.bringBack(ctx); err != nil {
			return fmt.Errorf("a worker of the previous version keeps running: %w", err)
		}
		return nil
	}
	if err := e.workers().Roll(ctx); err != nil {
		return fmt.Errorf("workers of the previous version keep running: %w", err)
	}
	return nil
}
