package sockets

import (
	"slices"
	"time"
)

// sample is what was seen of a slot at one moment.
type sample struct {
	Owner
	queue int           // connections that wait
	still time.Duration // for how long it accepted nothing although some waited
}

// load is how many connections the owner has or is going to have.
func (s sample) load() float64 { return float64(s.Open) + float64(s.queue) }

// balance decides how likely each slot gets the next connection. The zero value
// knows nothing and treats all alike.
type balance struct {
	seen map[int]sample
	// arrived and accepted are connections since the look before, and brief as
	// many of them as ended meanwhile; all fall slowly.
	arrived, accepted, brief float64
}

const (
	// stallShort is after how long a owner that accepts nothing counts as
	// stalled while connections are short: no harm in sparing one that merely
	// waits for a processor.
	stallShort = 2 * lookEvery
	// stallLong is the same while connections stay: then it is better for them
	// to be late than to be in the wrong place.
	stallLong = 20 * lookEvery
	// fade is what remains of a number from one look to the next.
	fade = 0.9
)

// look takes in what is seen now, so long after the look before, and reports
// whether anything has happened in between.
func (b *balance) look(now map[int]sample, after time.Duration) (moved bool) {
	var arrived, accepted, brief float64
	for slot, s := range now {
		was, known := b.seen[slot]
		if !known || s.Accepted < was.Accepted {
			moved = true
			continue
		}
		moved = moved || s.Owner != was.Owner || s.queue > 0 || was.queue > 0
		taken := float64(s.Accepted - was.Accepted)
		arrived += max(0, taken+float64(s.queue-was.queue))
		accepted += taken
		brief += min(taken, max(0, taken+float64(was.Open)-float64(s.Open)))
		if taken == 0 && (was.queue > 0 && s.queue > 0 || s.queue > 2) {
			s.still = was.still + min(after, lookEvery) // a look that is late tells no more
			now[slot] = s
		}
	}
	b.seen = now
	b.arrived = max(arrived, b.arrived*fade)
	b.accepted = accepted + b.accepted*fade
	b.brief = brief + b.brief*fade
	return moved
}

// patience is for how long a slot may accept nothing until it is spared. It grows
// with what is usual, when processors are scarce; so no more than half of the
// slots are spared, and the others not flooded.
func (b *balance) patience(active []int) time.Duration {
	var all []time.Duration
	for _, slot := range active {
		all = append(all, b.seen[slot].still)
	}
	slices.Sort(all)
	usual := all[(len(all)-1)/2]
	if b.short() {
		return max(stallShort, 3*usual)
	}
	return max(stallLong, 3*usual)
}

// short reports whether most connections end about as soon as they begin.
func (b *balance) short() bool { return b.brief > b.accepted/2 }

// lookEvery is the time between two looks at the slots while connections arrive.
const lookEvery = 5 * time.Millisecond

// leastExpected is how many connections per slot are planned for at least: it
// keeps small differences from deciding everything.
const leastExpected = 4

// weights shares out the next connections such that all slots would have the
// same number after them. They sum up to 1; none goes to a slot that is stalled,
// unless all are.
//
// The number planned for is the greatest of: what it takes to fill all up to the
// fullest, and twice what came lately. To plan for too few would overshoot
// when many come, or the next look is late; too many only level more slowly. Short
// connections need no levelling: weights that stay as they are can be changed at
// once when it matters.
func (b *balance) weights(active []int) []float64 {
	var sum, most float64
	moving, patience := 0, b.patience(active)
	for _, slot := range active {
		if s := b.seen[slot]; s.still < patience {
			moving++
			sum += s.load()
			most = max(most, s.load())
		}
	}
	if moving == 0 {
		return even(len(active))
	}
	n := float64(moving)
	ahead := 2.0
	if b.short() {
		ahead = 50
	}
	expected := max(most*n-sum, ahead*b.arrived, leastExpected*n)
	level := (sum + expected) / n
	weights := make([]float64, len(active))
	for i, slot := range active {
		if s := b.seen[slot]; s.still < patience {
			weights[i] = (level - s.load()) / expected
		}
	}
	return weights
}

func even(n int) []float64 {
	weights := make([]float64, n)
	for i := range weights {
		weights[i] = 1 / float64(n)
	}
	return weights
}

// worth is how much one weight must move for the kernel to be told.
const worth = 0.04

func movedEnough(from, to []float64) bool {
	if len(from) != len(to) {
		return true
	}
	for i := range from {
		if d := from[i] - to[i]; d > worth || d < -worth || (from[i] == 0) != (to[i] == 0) {
			return true
		}
	}
	return false
}
