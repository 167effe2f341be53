package endpoints

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/listener/sockets"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// steerable are sockets that know several ways to spread connections.
type steerable interface {
	SetSteering(want string) error
	SteeringReason() string
	Measure(owners func(add func(slot int, o sockets.Owner)))
	Correct()
}

var (
	_ steerable       = (*sockets.Sockets)(nil)
	_ prefork.Sharing = (*sockets.Sockets)(nil)
)

// owners tells the sockets what the workers have that own their slots. Who serves in
// this process has all slots together and cannot tell them apart.
func (e *Endpoint) owners(add func(slot int, o sockets.Owner)) {
	_, groups := e.servers()
	for _, group := range groups {
		group.Each(func(s prefork.Status, memory []byte) {
			if memory == nil || s.Slot < 0 {
				return
			}
			c := scoreboard.Over(memory).Listener
			add(s.Slot, sockets.Owner{
				Open:     c.Active.Load() + c.Idle.Load(),
				Accepted: c.Accepted.Load() + c.Refused.Load(),
			})
		})
	}
}

// steerBy changes how connections are spread, and returns how to take it back.
func (e *Endpoint) steerBy(to serving.Settings) (undo func(), err error) {
	from := e.Settings().Listener.Prefork.Steering
	s, ok := e.sockets.(steerable)
	if !ok || from == to.Listener.Prefork.Steering {
		return func() {}, nil
	}
	if err := s.SetSteering(to.Listener.Prefork.Steering); err != nil {
		return nil, fmt.Errorf("listener %s: %w", e.name, err)
	}
	return func() { s.SetSteering(from) }, nil // was in use a moment ago
}

// MaySteerBy refuses what needs other sockets.
func (e *Endpoint) MaySteerBy(to serving.Settings) error {
	from, want := e.Settings().Listener.Prefork.Steering, to.Listener.Prefork.Steering
	if _, ok := e.sockets.(steerable); !ok || from == want || from != sockets.SteerShared && want != sockets.SteerShared {
		return nil
	}
	return fmt.Errorf("listener %s: steering %s cannot become %s: %w; stop it, change it and start it again",
		e.name, from, want, sockets.ErrSteeringFixed)
}

// steering in use, and why it is not what was asked for.
func (e *Endpoint) steering() (used, reason string) {
	if s, ok := e.sockets.(steerable); ok {
		reason = s.SteeringReason()
	}
	return e.sockets.Steering(), reason
}

// correct keeps the kernel's counts true. It waits until who served before a
// move is gone, since his connections are counted, too.
func (e *Endpoint) correct() {
	e.mu.Lock()
	moving := e.local != nil || len(e.leaving)+len(e.departed) > 0
	e.mu.Unlock()
	if s, ok := e.sockets.(steerable); ok && !moving {
		s.Correct()
	}
}

// watchSteering corrects what steering goes by, and makes an event of steering
// that is not, or again, what was asked for.
func (l *Listener) watchSteering() {
	e := l.Endpoint()
	if e == nil {
		return
	}
	e.correct()
	used, reason := e.steering()
	l.mu.Lock()
	was := l.lacking
	l.lacking = reason
	l.mu.Unlock()
	switch {
	case reason == was:
	case reason != "":
		l.set.events.Info(l.name, message.SteeringBecause, used, reason)
	default:
		l.set.events.Info(l.name, message.SteeringIs, used)
	}
}
