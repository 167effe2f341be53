package control

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Receipt tells what became of the connections that a change touched. It grows
// while they drain, and is closed when the last one has ended.
type Receipt struct {
	// ID as in [Result.ID]; it counts up from 1 while the runtime lives.
	ID uint64 `json:"id"`
	// Summary is what was done, one line.
	Summary string    `json:"summary"`
	Actor   string    `json:"actor,omitempty"`
	Since   time.Time `json:"since"`
	// Planned is what was to be expected when it was decided.
	Planned ReceiptPlan `json:"planned"`
	// Drained connections ended after their last request, or between two. Cut
	// ones were closed within a request. Kept ones noticed nothing. Moved ones
	// go on in another process.
	Drained int `json:"drained"`
	Cut     int `json:"cut"`
	Kept    int `json:"kept"`
	Moved   int `json:"moved"`
	// Open is how many still drain, and Until when what is left of them is cut.
	Open  int        `json:"open"`
	Until *time.Time `json:"until,omitempty"`
	// Ended tells of every listener how many connections ended, and by what.
	Ended  []Ended `json:"ended,omitempty"`
	Closed bool    `json:"closed"`
}

// ReceiptPlan is what a change was expected to end.
type ReceiptPlan struct {
	Drained int `json:"drained"`
	Cut     int `json:"cut"`
}

// Why connections ended.
const (
	EndedDrained  = "drained"   // after their last request, or between two
	EndedMoved    = "moved"     // in this process: another one serves them on
	EndedDeadline = "deadline"  // cut when the shutdown timeout was over
	EndedNow      = "drain_now" // cut because somebody ended the drain
	EndedCrash    = "crash"     // cut by the end of their process
)

// Ended are connections of one listener that ended by the same cause.
type Ended struct {
	Listener    string `json:"listener"`
	Cause       string `json:"cause"`
	Connections int    `json:"connections"`
}

// Add counts connections that ended.
func (r *Receipt) Add(listener, cause string, n int) {
	if n <= 0 {
		return
	}
	switch cause {
	case EndedDrained:
		r.Drained += n
	case EndedMoved:
		r.Moved += n
	default:
		r.Cut += n
	}
	i := slices.IndexFunc(r.Ended, func(e Ended) bool { return e.Listener == listener && e.Cause == cause })
	if i < 0 {
		r.Ended = append(r.Ended, Ended{listener, cause, n})
		return
	}
	r.Ended[i].Connections += n
}

// AsPlanned reports whether no more was cut than had been planned.
func (r *Receipt) AsPlanned() bool { return r.Cut <= r.Planned.Cut }

// String is one line: "5 connections drained, 1 cut at the deadline, 2 moved".
func (r *Receipt) String() string {
	if r.Drained+r.Cut+r.Moved+r.Open == 0 {
		return "no connection ended"
	}
	var parts []string
	add := func(n int, what string) {
		switch {
		case n == 0:
		case len(parts) > 0:
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		case n == 1:
			parts = append(parts, "1 connection "+what)
		default:
			parts = append(parts, fmt.Sprintf("%d connections %s", n, what))
		}
	}
	add(r.Drained, "drained")
	for _, c := range []struct{ cause, words string }{
		{EndedDeadline, "cut at the deadline"}, {EndedNow, "cut by drain --now"}, {EndedCrash, "cut when their process ended"},
	} {
		n := 0
		for _, e := range r.Ended {
			if e.Cause == c.cause {
				n += e.Connections
			}
		}
		add(n, c.words)
	}
	add(r.Moved, "moved to another process")
	add(r.Open, "still draining")
	return strings.Join(parts, ", ")
}

// Receipt returns the one with that number; nil if it is not known any more, or
// was never given.
func (s *Snapshot) Receipt(id uint64) *Receipt {
	for i := range s.Receipts {
		if s.Receipts[i].ID == id {
			return &s.Receipts[i]
		}
	}
	return nil
}
