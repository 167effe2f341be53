package prefork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"
)

// orphanPatience of both sides when a master looks for orphans.
const orphanPatience = 2 * time.Second

// identity is what an orphan says of itself. A master that takes it answers
// nothing: it goes on as if it always had been the master.
type identity struct {
	Capabilities
	Name     string    `json:"name"`
	ID       int       `json:"id"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	Settings []byte    `json:"settings"`
}

// orphanWait is the time of a worker without a master. A nil one is never over.
type orphanWait struct {
	conns chan *net.UnixConn
	timer *time.Timer
	ln    *net.UnixListener
	quit  context.CancelFunc
}

func (a *orphanWait) found() <-chan *net.UnixConn {
	if a == nil {
		return nil
	}
	return a.conns
}

func (a *orphanWait) over() <-chan time.Time {
	if a == nil {
		return nil
	}
	return a.timer.C
}

// end stops waiting for another master.
func (a *orphanWait) end() {
	if a != nil {
		a.timer.Stop()
		a.quit()
		a.ln.Close()
	}
}

// orphaned begins to wait for another master. It returns nil if the worker is
// not to, or cannot, serve on without.
func (s *session) orphaned() *orphanWait {
	s.mu.Lock()
	serving, taken := s.serving, s.taken
	s.mu.Unlock()
	w := s.worker
	if s.clock != nil || !serving || s.orphan <= 0 || s.orphanDir == "" || w.accepting == nil {
		return nil
	}
	ln, err := settle(s.orphanDir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "no other master can be waited for:", err)
		return nil
	}
	ctx, quit := context.WithCancel(context.Background())
	a := &orphanWait{conns: make(chan *net.UnixConn), timer: time.NewTimer(s.orphan), ln: ln, quit: quit}
	me := identity{Capabilities: Ours(), Name: w.name, ID: w.id, PID: os.Getpid(), Started: w.started, Settings: taken}
	go a.wait(ctx, w, me)
	return a
}

// wait introduces the worker to who comes, until one is a master.
func (a *orphanWait) wait(ctx context.Context, w *Worker, me identity) {
	defer a.ln.Close()
	for {
		conn, err := a.ln.AcceptUnix()
		if err != nil {
			return
		}
		if err := w.introduce(conn, me); err != nil {
			conn.Close()
			continue
		}
		select {
		case a.conns <- conn:
		case <-ctx.Done():
			conn.Close()
		}
		return
	}
}

// introduce answers a master of the same user.
func (w *Worker) introduce(conn *net.UnixConn, me identity) error {
	if err := ofOurs(conn); err != nil {
		return err
	}
	conn.SetReadDeadline(time.Now().Add(orphanPatience))
	defer conn.SetReadDeadline(time.Time{})
	l := newLink()
	f, file, err := l.receive(conn)
	if file != nil {
		file.Close()
	}
	if err != nil || f.Kind != kindAdopt {
		return errors.New("not a master of this program")
	}
	if _, err := Ours().Agree(f.Capabilities); err != nil {
		return err
	}
	body, err := json.Marshal(me)
	if err != nil {
		return err
	}
	slot := outgoing{frame: frame{Kind: kindOrphan, Body: body, Files: 1}, conn: w.accepting}
	if err := write(conn, slot); err != nil {
		return err
	}
	if err := hand(conn, w.backing); err != nil {
		return err
	}
	if w.common == nil {
		return hand(conn, nil)
	}
	return hand(conn, w.common.file)
}

// hand sends a file of a worker, which may be nil.
func hand(conn *net.UnixConn, f *os.File) error {
	if f == nil {
		return write(conn, outgoing{frame: frame{Kind: kindOrphan}})
	}
	return write(conn, outgoing{frame: frame{Kind: kindOrphan, Files: 1}, conn: f})
}

// Orphan is a worker that serves on though its master has died. Whoever has
// found it must adopt it or let it go.
type Orphan struct {
	identity
	conn         *net.UnixConn
	slot, memory *os.File
	common       *os.File // of the memory that its group shares; nil for none
}

// Name of the group that it belonged to, PID its process, and Settings those it
// serves by.
func (o *Orphan) Name() string     { return o.identity.Name }
func (o *Orphan) PID() int         { return o.identity.PID }
func (o *Orphan) Settings() []byte { return o.identity.Settings }

// Socket is the one it accepts from.
func (o *Orphan) Socket() *os.File { return o.slot }

// FindOrphans returns the workers that wait in an orphan directory for another master.
func FindOrphans(orphanDir string) (found []*Orphan) {
	for _, name := range entries(orphanDir) {
		if o := meet(orphanDir, name); o != nil {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *Orphan) int { return a.identity.ID - b.identity.ID })
	return found
}

// meet asks one of them; nil if it is not there any more, or not one of ours.
func meet(orphanDir, name string) *Orphan {
	conn, err := visit(orphanDir, name)
	if err != nil {
		return nil
	}
	o := &Orphan{conn: conn}
	conn.SetReadDeadline(time.Now().Add(orphanPatience))
	if err := o.hear(); err != nil {
		o.close()
		return nil
	}
	conn.SetReadDeadline(time.Time{})
	return o
}

func (o *Orphan) hear() error {
	pid, err := peerOf(o.conn)
	if err != nil {
		return err
	}
	if err := write(o.conn, outgoing{frame: frame{Kind: kindAdopt, Capabilities: Ours()}}); err != nil {
		return err
	}
	l := newLink()
	f, slot, err := l.receive(o.conn)
	o.slot = slot
	if err != nil || slot == nil || f.Kind != kindOrphan {
		return errors.New("it has no socket")
	}
	if err := json.Unmarshal(f.Body, &o.identity); err != nil {
		return err
	}
	if _, err := Ours().Agree(o.identity.Capabilities); err != nil {
		return err
	}
	if o.identity.PID != pid || o.identity.ID < 0 || o.identity.ID >= MaxWorkers {
		return errors.New("it is not the process it claims to be")
	}
	if _, o.memory, err = l.receive(o.conn); err != nil {
		return err
	}
	_, o.common, err = l.receive(o.conn)
	return err
}

func (o *Orphan) close() {
	o.conn.Close()
	for _, f := range []*os.File{o.slot, o.memory, o.common} {
		if f != nil {
			f.Close()
		}
	}
}

// Drain lets the worker end, with so much time for its connections.
func (o *Orphan) Drain(timeout time.Duration) {
	write(o.conn, outgoing{frame: frame{Kind: kindDrain, Timeout: timeout}}) // it may be gone
	o.close()
}

// AdoptOrphans returns a group of these workers. Sockets of cfg must have theirs
// as its first slots, in this order. Settings of cfg reach them with the next
// Update only.
func AdoptOrphans(cfg Config, orphans []*Orphan) (*Group, error) {
	f := &Frozen{Capabilities: Ours(), Generation: 1, Drain: cfg.DrainTimeout}
	for slot, o := range orphans {
		w, err := o.freeze(slot)
		if err != nil {
			return nil, fmt.Errorf("adopt worker %d (pid %d) of %s: %w", o.identity.ID, o.PID(), cfg.Name, err)
		}
		if w.ID < len(f.Places) && f.Places[w.ID].Worker >= 0 {
			w.ID = len(f.Places) // two for one place: one was about to be replaced
		}
		for len(f.Places) <= w.ID {
			f.Places = append(f.Places, FrozenPlace{Worker: -1})
		}
		f.Places[w.ID] = FrozenPlace{Worker: len(f.Workers), Starts: 1}
		f.Workers = append(f.Workers, w)
		f.Slots = append(f.Slots, FrozenSlot{Opened: true})
	}
	return Adopt(cfg, f)
}

// freeze is the worker as a master that was replaced would have left it.
func (o *Orphan) freeze(slot int) (w FrozenWorker, err error) {
	w = FrozenWorker{Capabilities: o.identity.Capabilities, ID: o.identity.ID, Slot: slot, PID: o.PID(), State: Ready, AdoptedProcess: true,
		Started: o.Started, ReadyAt: o.Started, Memory: -1,
		Asked: uint64(time.Now().UnixNano())} // answers to the master before are none
	r, p, err := os.Pipe()
	if err != nil {
		return w, err
	}
	defer p.Close()
	defer r.Close()
	if err := write(o.conn, outgoing{frame: frame{Kind: kindOutput, Files: 1}, conn: p}); err != nil {
		return w, err
	}
	f := new(Frozen)
	defer func() {
		if err != nil {
			f.discard()
		} else {
			o.close()
		}
	}()
	if w.Control, err = f.keep(o.conn); err != nil {
		return w, err
	}
	if w.Output, err = f.keep(r); err != nil {
		return w, err
	}
	if o.memory != nil {
		w.Memory, err = f.keep(o.memory)
	}
	return w, err
}
