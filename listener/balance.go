package listener

// sight is what was seen of a slot at one moment.
type sight struct {
	Tenant
	queue int // connections that wait
	still int // looks in a row in which it accepted nothing although some waited
}

// load is how many connections the tenant has or is going to have.
func (s sight) load() float64 { return float64(s.Open) + float64(s.queue) }

// stillLooks is after how many looks without an accept a tenant counts as
// stalled. One would do for a stopped process; but one that merely waits for a
// processor would be taken for stalled, too.
const stillLooks = 2

func (s sight) stalled() bool { return s.still >= stillLooks }

// balance decides how likely each slot gets the next connection. The zero value
// knows nothing and treats all alike.
type balance struct {
	seen    map[int]sight
	arrived float64 // since the look before; falls slowly
}

// look takes in what is seen now and reports whether anything has happened since
// the look before.
func (b *balance) look(now map[int]sight) (moved bool) {
	var arrived uint64
	for slot, s := range now {
		was, known := b.seen[slot]
		if !known || s.Accepted < was.Accepted {
			moved = true
			continue
		}
		moved = moved || s.Tenant != was.Tenant || s.queue > 0 || was.queue > 0
		arrived += s.Accepted - was.Accepted
		if s.Accepted == was.Accepted && s.queue > 0 && (was.queue > 0 || s.queue > 1) {
			s.still = was.still + 1
			now[slot] = s
		}
	}
	b.seen = now
	b.arrived = max(float64(arrived), b.arrived*0.9)
	return moved
}

// leastExpected is how many connections per slot are planned for at least: it
// keeps small differences from deciding everything.
const leastExpected = 4

// weights shares out the next connections such that all slots would have the
// same number after them. They sum up to 1; none goes to a slot that is stalled,
// unless all are.
//
// The number planned for is the greatest of: what it takes to fill all up to the
// fullest, and twice what came lately. More than that come in a burst, and it is
// better to be late than to overshoot.
func (b *balance) weights(active []int) []float64 {
	var sum, most float64
	moving := 0
	for _, slot := range active {
		if s := b.seen[slot]; !s.stalled() {
			moving++
			sum += s.load()
			most = max(most, s.load())
		}
	}
	if moving == 0 {
		return even(len(active))
	}
	n := float64(moving)
	expected := max(most*n-sum, 2*b.arrived, leastExpected*n)
	level := (sum + expected) / n
	weights := make([]float64, len(active))
	for i, slot := range active {
		if s := b.seen[slot]; !s.stalled() {
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
const worth = 0.02

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
