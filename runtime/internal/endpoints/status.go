package endpoints

import (
	"net"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Status is a listener at one moment.
type Status struct {
	Name   string
	Config config.Listener // what the config says of it
	// Addr is where it accepts; nil while it is stopped.
	Addr   net.Addr
	Totals listener.Totals
	// Draining says that something drains that was stopped or replaced.
	Draining bool
	// Steering in use while it serves, and why it is not what was asked for.
	Steering, SteeringReason string
	// Rolling is the progress of a restart of all workers, nil while there is none.
	Rolling *control.Rolling
	// Ready is how many processes serve, of the wanted ones. WasFull says that it
	// was all of them once since the endpoint was opened.
	Ready, Wanted int
	WasFull       bool
	// Trouble is the last crash of a worker, until all are ready again; Failed why
	// the listener could not be opened. Both are empty if all is well.
	Trouble, Failed string
	// Processes that serve or drain.
	Processes []Process
}

// Process is a process that serves or drains.
type Process struct {
	prefork.Status
	// Master says that it is the master itself: ready or draining, and no PID here.
	Master bool
	Totals listener.Totals
}

// Status of the listener.
func (l *Listener) Status() Status {
	s := Status{Name: l.name, Totals: l.Totals()}
	l.mu.Lock()
	s.Config, s.Draining = l.config, len(l.retiring) > 0
	current := l.current
	l.mu.Unlock()
	s.Wanted = max(1, s.Config.Prefork.Workers)
	for _, e := range l.endpoints() {
		e.Each(func(w prefork.Status, b *scoreboard.Board) {
			master := w.State == ""
			if master {
				w.State = prefork.Ready
				if b.Accepting.Load() == 0 {
					w.State = prefork.Draining
				}
			}
			if w.State == prefork.Ready {
				s.Ready++
			}
			s.Processes = append(s.Processes, Process{w, master, b.Listener.Load()})
		})
	}
	if current != nil {
		s.Addr, s.Rolling = current.sockets.Addr(), current.Rolling()
		s.Steering, s.SteeringReason = current.steering()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.Ready >= s.Wanted {
		l.wasFull, l.trouble = true, ""
	}
	s.WasFull, s.Trouble, s.Failed = l.wasFull, l.trouble, l.failed
	return s
}
