package page

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// state is a sign, a word and a style, in this order of reliability: none of
// them speaks alone.
type state struct {
	glyph, word string
	paint       component.Paint
}

func (s state) cell() component.Cell {
	return component.Cell{Paint: s.paint, Text: s.glyph + " " + s.word}
}

func (s state) spans() component.Line {
	return component.Line{{Paint: s.paint, Text: s.glyph + " " + s.word}}
}

// stateOf a listener, worker or backend. The words mean the same for all of them.
func stateOf(st *component.Styles, word string) state {
	g := st.Glyphs
	switch word {
	case control.StateServing, control.WorkerReady, control.BackendUp:
		return state{g.Ready, word, st.Good}
	case control.StateStopped, control.WorkerExited:
		return state{g.Stopped, word, st.Muted}
	case control.StateStarting:
		return state{g.Starting, word, st.Warn}
	case control.StateDraining:
		return state{g.Draining, word, st.Warn}
	case control.StateDegraded, control.WorkerBackoff, control.WorkerHung:
		return state{g.Degraded, word, st.Warn}
	case control.StateFailed, control.WorkerCrashed, control.BackendDown:
		return state{g.Failed, word, st.Bad}
	}
	return state{g.Unknown, word, st.Muted}
}

// listenerState adds to draining how many connections are left.
func listenerState(st *component.Styles, l *Listener) state {
	s := stateOf(st, l.State)
	if l.State == control.StateDraining {
		s.word = left(l.Connections.Active + l.Connections.Idle)
	}
	return s
}

func workerState(st *component.Styles, w *Worker) state {
	s := stateOf(st, w.State)
	if w.State == control.WorkerDraining {
		s.word = left(w.Connections.Active + w.Connections.Idle)
	}
	return s
}

func left(n uint64) string { return fmt.Sprintf("draining %s left", component.Short(n)) }

// levelOf an event.
func levelOf(st *component.Styles, level string) state {
	switch level {
	case control.LevelError:
		return state{st.Glyphs.Failed, level, st.Bad}
	case control.LevelWarn:
		return state{st.Glyphs.Degraded, level, st.Warn}
	}
	return state{st.Glyphs.Dot, level, st.Muted}
}

// errorPaint makes errors stand out only where there are any.
func errorPaint(st *component.Styles, rate float64) component.Paint {
	if rate > 0 {
		return st.Bad
	}
	return st.Muted
}
