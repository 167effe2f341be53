package runtime

import (
	"context"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

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

func beatOf(memory []byte) uint64 { return scoreboard.Over(memory).Beat.Load() }

func requestsOf(memory []byte) uint64 { return scoreboard.Over(memory).Listener.Requests.Load() }

// recycling are the bounds of a worker's life.
func recycling(s settings) prefork.Recycle {
	r := s.Listener.Prefork.Recycle
	return prefork.Recycle{
		Requests: uint64(r.MaxRequests), Age: time.Duration(r.MaxAge), Memory: uint64(r.MaxMemory),
	}
}

func hangTimeout(s settings) time.Duration { return time.Duration(s.Listener.Prefork.HangTimeout) }

// watchWorkers brings to the group what concerns the life of workers.
func watchWorkers(g *prefork.Group, s settings) {
	g.SetOrphanTimeout(time.Duration(s.Listener.Prefork.OrphanTimeout))
	g.SetDrainTimeout(drainTimeout(s))
	g.SetHangTimeout(hangTimeout(s))
	g.SetRecycle(recycling(s))
}
