package serving

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/logqueue"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// RunWorker serves as a worker of the master that started this process, until the
// master asks it to end or is gone, and all its connections are finished. program
// gives the Program of the listener; nil means that there is none.
func RunWorker(program func(listener string) Program) error {
	link, err := prefork.Connect()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	log, queue := logqueue.New(slog.New(slog.NewTextHandler(os.Stderr, nil))) // the master may read nothing for a while
	defer queue.Flush()
	admission, err := admissionOf(link)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	slot, err := slotCounterOf(link)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	board, err := scoreboard.Own(link.Memory())
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	c := Config{
		Name: link.Name(), Board: board, Admission: admission, Slot: slot,
		Dedicated: program == nil, Log: log,
	}
	if program != nil {
		c.Program = program(c.Name)
	}
	w := &worker{link: link, service: New(c)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go w.beat(ctx)
	return link.Run(context.Background(), prefork.Handlers{
		Settings:   w.settings,
		Drain:      w.drain,
		Conn:       func(c net.Conn) { w.service.server.ServeConn(c) },
		AcceptConn: w.service.AcceptConn,
		Call:       w.call,
	})
}

// admissionOf is the admission of the worker's group, nil if it has none.
func admissionOf(link *prefork.Worker) (*Admission, error) {
	if link.Common() == nil {
		return nil, nil
	}
	return AdmissionOver(link.Common())
}

// slotCounterOf is the kernel's count of a worker's slot, nil if there is none.
func slotCounterOf(link *prefork.Worker) (*sockets.Counter, error) {
	f := link.Shared()
	if f == nil {
		return nil, nil
	}
	defer f.Close()
	return sockets.OpenCounter(f, link.Slot())
}

// worker is the worker's end of a prefork group.
type worker struct {
	link    *prefork.Worker
	service *Service
	serving bool         // only touched by settings, which is called by one goroutine
	hang    atomic.Int64 // the hang timeout in effect
	// successor says that the listener is served on after the drain of this worker.
	successor atomic.Bool
}

// settings applies what the master sends; from the first on the worker accepts.
func (w *worker) settings(payload []byte) error {
	var s Settings
	if err := json.Unmarshal(payload, &s); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if err := w.service.Update(s); err != nil {
		return err
	}
	w.hang.Store(int64(s.HangTimeout()))
	if w.serving {
		return nil
	}
	if err := w.accept(s); err != nil {
		return err
	}
	w.serving = true
	w.service.board.Beat.Add(1) // from now on it is missed
	return nil
}

// accept begins to serve the slot that this worker has.
func (w *worker) accept(s Settings) error {
	if s.QUIC != nil {
		pc, err := w.link.PacketConn()
		if err == nil {
			w.service.ServeQUIC(pc, WorkerSlots+w.link.Slot(), *s.QUIC)
		}
		return err
	}
	ln, err := w.link.Listener()
	if err == nil {
		w.service.Serve(ln)
	}
	return err
}

func (w *worker) drain(ctx context.Context, send prefork.SendConn) {
	switch {
	case send != nil:
		w.service.HandOver(send)
	case !w.successor.Load():
		w.service.NoSuccessor()
	}
	w.service.drain(ctx)
}

// Calls that a master makes to a worker.
const (
	// CallConnections asks for the open connections: nothing in, a list of
	// control.Connection out.
	CallConnections = "connections"
	// CallOverdue asks what would end by the limits of another config: a
	// config.Listener in, a listener.Overdue out.
	CallOverdue = "overdue"
	// CallSuccessor tells that the listener is served on after the worker's drain:
	// nothing in, nothing out.
	CallSuccessor = "successor"
)

func (w *worker) call(kind string, payload []byte) ([]byte, error) {
	switch kind {
	case CallConnections:
		return json.Marshal(w.service.Connections(w.link.ID()))
	case CallOverdue:
		var to config.Listener
		if err := json.Unmarshal(payload, &to); err != nil {
			return nil, err
		}
		return json.Marshal(w.service.Overdue(to))
	case CallSuccessor:
		w.successor.Store(true)
		return nil, nil
	}
	return nil, fmt.Errorf("unknown call %q", kind)
}

// beat counts on the scoreboard until ctx ends, as long as the worker accepts.
// The master replaces a worker that does not.
func (w *worker) beat(ctx context.Context) {
	for {
		if w.service.board.Accepting.Load() > 0 && !w.service.server.Stuck() {
			w.service.board.Beat.Add(1)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(prefork.BeatEvery(time.Duration(w.hang.Load()))):
		}
	}
}
