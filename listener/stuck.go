package listener

import (
	"syscall"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// Stuck reports whether an accept loop does not do its work: since the call
// before it has moved nowhere, although connections wait in its queue or it has
// one in its hands. Waiting for the accept rate is work. It is called now and
// then by one goroutine, and only the second of two calls can find something.
func (s *Server) Stuck() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	stuck := false
	for a := range s.acceptors {
		stuck = a.stuck() || stuck
	}
	return stuck
}

func (a *acceptor) stuck() bool {
	turns := a.turns.Load()
	owing := !a.pausing.Load() && (!a.waits(turns) || a.queued())
	was := a.seen
	a.seen.turns, a.seen.owing = turns, owing
	return owing && was.owing && was.turns == turns
}

// waits reports whether so many turns mean that it is within Accept.
func (a *acceptor) waits(turns uint64) bool { return turns%2 == 1 }

// queued reports whether something waits to be accepted, as far as the system
// tells.
func (a *acceptor) queued() bool {
	slot, ok := a.ln.(syscall.Conn)
	if !ok {
		return false
	}
	n, _, err := sockets.QueueLen(slot)
	return err == nil && n > 0
}
