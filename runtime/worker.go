package runtime

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/logqueue"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// IsWorker reports whether this process was started to be a worker. A main
// function asks it before anything else and then calls [RunWorker].
func IsWorker() bool { return prefork.IsWorker() }

// RunWorker serves as a worker of the master that started this process, until
// the master asks it to end or is gone, and all its connections are finished.
func RunWorker() error { return runWorker(nil) }

// runWorker serves with the routes that the program registered, if any.
func runWorker(p *program) error {
	link, err := prefork.Connect()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	log, queue := logqueue.New(slog.New(slog.NewTextHandler(os.Stderr, nil))) // the master may read nothing for a while
	defer queue.Flush()
	shared, err := sharedBy(link)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	live, err := liveOf(link)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	board, err := scoreboard.Own(link.Memory())
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w := &worker{link: link, service: newService(link.Name(), board, shared, live, p == nil, log)}
	w.service.code = p
	os.Unsetenv(envProgram)
	os.Unsetenv(envServer)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go w.beat(ctx)
	return link.Run(context.Background(), prefork.Handlers{
		Settings:   w.settings,
		Drain:      w.drain,
		Conn:       func(c net.Conn) { w.service.server.ServeConn(c) },
		AcceptConn: w.service.adopt,
		Call:       w.call,
	})
}

// sharedBy is the admission of the worker's group.
func sharedBy(link *prefork.Worker) (*admission, error) {
	if link.Common() == nil {
		return nil, nil
	}
	return admissionOver(link.Common())
}

// liveOf is the kernel's count of a worker's slot, nil if there is none.
func liveOf(link *prefork.Worker) (*sockets.Counter, error) {
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
	service *service
	serving bool         // only touched by settings, which is called by one goroutine
	hang    atomic.Int64 // the hang timeout in effect
}

// settings applies what the master sends; from the first on the worker accepts.
func (w *worker) settings(payload []byte) error {
	var s settings
	if err := json.Unmarshal(payload, &s); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if err := w.service.update(s); err != nil {
		return err
	}
	w.hang.Store(int64(hangTimeout(s)))
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
func (w *worker) accept(s settings) error {
	if s.QUIC != nil {
		pc, err := w.link.PacketConn()
		if err == nil {
			w.service.serveQUIC(pc, workerSlots+w.link.Slot(), *s.QUIC)
		}
		return err
	}
	ln, err := w.link.Listener()
	if err == nil {
		w.service.serve(ln)
	}
	return err
}

func (w *worker) drain(ctx context.Context, give prefork.SendConn) {
	if give != nil {
		w.service.handOver(give)
	} else {
		w.service.drainsLast()
	}
	w.service.drain(ctx)
}

// callConnections asks a worker for its open connections, callOverdue how many of
// them would end at once by the limits of another config of its listener.
const (
	callConnections = "connections"
	callOverdue     = "overdue"
)

func (w *worker) call(kind string, payload []byte) ([]byte, error) {
	switch kind {
	case callConnections:
		return json.Marshal(connectionsOf(w.service.server, w.link.Name(), w.link.ID()))
	case callOverdue:
		var to config.Listener
		if err := json.Unmarshal(payload, &to); err != nil {
			return nil, err
		}
		return json.Marshal(w.service.server.Overdue(limitsOf(to)))
	}
	return nil, fmt.Errorf("unknown call %q", kind)
}

// connectionsOf lists a server's connections in the terms of the control plane.
func connectionsOf(s *listener.Server, name string, worker int) []control.Connection {
	infos := s.Connections(nil)
	out := make([]control.Connection, len(infos))
	for i, c := range infos {
		out[i] = control.Connection{
			Listener: name, Worker: worker, ID: c.ID, Peer: c.Peer, State: stateWord(c.State),
			Since: c.Since, Opened: c.Opened, Requests: c.Requests,
			BytesIn: c.BytesIn, BytesOut: c.BytesOut,
			Protocol: c.Protocol, Request: c.Request,
		}
	}
	return out
}

func stateWord(s listener.State) string {
	if s.Active() {
		return "active"
	}
	return "idle"
}
