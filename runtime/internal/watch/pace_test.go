package watch

import (
	"testing"
	"time"
)

const ms = time.Millisecond

func TestPaceIsDueWhenQuietOrAtMax(t *testing.T) {
	for _, tt := range []struct {
		name    string
		changes []time.Duration // since the first
		due     time.Duration
	}{
		{"one change", []time.Duration{0}, 120 * ms},
		{"two", []time.Duration{0, 100 * ms}, 220 * ms},
		{"changes without end", []time.Duration{0, 100 * ms, 200 * ms, 300 * ms, 400 * ms, 490 * ms}, 500 * ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pace{quiet: 120 * ms, max: 500 * ms, poll: time.Hour}
			start := time.Unix(1e9, 0)
			for i, at := range tt.changes {
				p.saw(signature{size: int64(i + 1)}, start.Add(at))
			}
			if next := p.next(start.Add(tt.changes[len(tt.changes)-1])); next != start.Add(tt.due) {
				t.Errorf("looks again after %v, want %v", next.Sub(start), tt.due)
			}
			if p.due(start.Add(tt.due - ms)) {
				t.Errorf("due before %v", tt.due)
			}
			if !p.due(start.Add(tt.due)) {
				t.Errorf("not due at %v", tt.due)
			}
		})
	}
}

// At rest nothing wakes it but the poll.
func TestPaceAtRestOnlyPolls(t *testing.T) {
	p := pace{quiet: 120 * ms, max: time.Second, poll: 2 * time.Second}
	now := time.Unix(1e9, 0)
	p.saw(signature{size: 1}, now)
	p.rest()
	p.saw(signature{size: 1}, now.Add(time.Second))
	if p.due(now.Add(time.Hour)) {
		t.Error("due without a change")
	}
	if got := p.next(now).Sub(now); got != p.poll {
		t.Errorf("looks again after %v, want the poll", got)
	}
}

func TestPaceIsNeverLessThanCalm(t *testing.T) {
	var p pace
	now := time.Unix(1e9, 0)
	p.saw(signature{size: 1}, now.Add(ms))
	if got := p.calm(now); got != 0 {
		t.Errorf("calm for %v before the look that found the change", got)
	}
}

// What could not be read when it was due is tried again every quiet period.
func TestPaceRetries(t *testing.T) {
	p := pace{quiet: 120 * ms, max: time.Second, poll: 2 * time.Second}
	now := time.Unix(1e9, 0)
	p.saw(signature{size: 1}, now)
	now = now.Add(time.Minute)
	if got := p.next(now).Sub(now); got != p.quiet {
		t.Errorf("looks again after %v, want the quiet period", got)
	}
}
