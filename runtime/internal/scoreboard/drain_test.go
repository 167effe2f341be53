package scoreboard_test

import (
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// TestEachConnectionOfADrainIsAccountedFor, whatever stage it has come to.
func TestEachConnectionOfADrainIsAccountedFor(t *testing.T) {
	type process struct {
		active, idle, accepted uint64 // when the drain begins
		lateAccepted           uint64 // still in the queue when it began
		leftActive, leftIdle   uint64 // when somebody looks
		moved                  uint64
		now                    bool
	}
	for _, tt := range []struct {
		name  string
		p     process
		begun bool
		done  bool // and forced is what was open then
		over  bool
		want  scoreboard.Drained
	}{
		{"not begun", process{active: 2, idle: 3}, false, false, false, scoreboard.Drained{Open: 5}},
		{"crashed before", process{active: 2, idle: 3}, false, false, true, scoreboard.Drained{Cut: 2, Ended: 3, Cause: control.EndedCrash}},
		{"begun", process{active: 2, idle: 3, accepted: 9, leftActive: 2, leftIdle: 3}, true, false, false, scoreboard.Drained{Open: 5}},
		{"some have ended", process{active: 2, idle: 3, accepted: 9, leftActive: 1, leftIdle: 1}, true, false, false, scoreboard.Drained{Open: 2, Ended: 3}},
		{"some came late", process{active: 2, idle: 3, accepted: 9, lateAccepted: 4, leftActive: 1}, true, false, false, scoreboard.Drained{Open: 1, Ended: 8}},
		{"some moved", process{active: 2, idle: 3, accepted: 9, leftActive: 1, moved: 3}, true, false, false, scoreboard.Drained{Open: 1, Ended: 1, Moved: 3}},
		{"all have ended", process{active: 2, idle: 3, accepted: 9}, true, true, true, scoreboard.Drained{Ended: 5}},
		{"more moved than were there", process{active: 1, accepted: 9, moved: 3}, true, true, true, scoreboard.Drained{Moved: 3}},
		{"cut at the deadline", process{active: 2, idle: 3, accepted: 9, leftActive: 2}, true, true, false, scoreboard.Drained{Cut: 2, Ended: 3, Cause: control.EndedDeadline}},
		{"ended by an operator", process{active: 2, idle: 3, accepted: 9, leftActive: 2, now: true}, true, true, true, scoreboard.Drained{Cut: 2, Ended: 3, Cause: control.EndedNow}},
		{"crashed meanwhile", process{active: 2, idle: 3, accepted: 9, leftActive: 1, leftIdle: 1}, true, false, true, scoreboard.Drained{Cut: 1, Ended: 4, Cause: control.EndedCrash}},
	} {
		b := scoreboard.New()
		c := b.Listener
		c.Active.Store(tt.p.active)
		c.Idle.Store(tt.p.idle)
		c.Accepted.Store(tt.p.accepted)
		if tt.begun {
			b.BeginDrain()
			c.Active.Store(tt.p.leftActive)
			c.Idle.Store(tt.p.leftIdle)
			c.Accepted.Add(tt.p.lateAccepted)
		}
		b.Drain.Moved.Store(tt.p.moved)
		if tt.p.now {
			b.Drain.Now.Store(1)
		}
		if tt.done {
			b.EndDrain(int(tt.p.leftActive + tt.p.leftIdle))
		}
		if got := b.Drained(tt.over); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
