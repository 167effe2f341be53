package runtime

import (
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// historySeconds is how far back the past of a listener is kept, a point per second.
const historySeconds = 3600

// history is a ring of the last hour, 43 KiB when full.
type history struct {
	points []control.Point
	next   int
	// position of the newest point, one more for each: the second at which the
	// first was taken and then counted, so that positions grow over restarts.
	position uint64
	newest   time.Time     // when it was taken
	more     chan struct{} // closed by the next point; nil while nobody waits for it
}

func (h *history) push(p control.Point, at time.Time) {
	if h.position == 0 {
		h.position = uint64(at.Unix()) - 1
	}
	h.position++
	h.newest = at
	if h.more != nil {
		close(h.more)
		h.more = nil
	}
	if len(h.points) < historySeconds {
		h.points = append(h.points, p)
		return
	}
	h.points[h.next] = p
	h.next = (h.next + 1) % historySeconds
}

// last returns up to n points, oldest first.
func (h *history) last(n int) []control.Point {
	n = min(n, len(h.points))
	if n <= 0 {
		return nil
	}
	out := make([]control.Point, 0, n)
	for i := len(h.points) - n; i < len(h.points); i++ {
		out = append(out, h.points[(h.next+i)%len(h.points)])
	}
	return out
}

// after is a [control.Source].
func (h *history) after(position uint64, limit int) ([]control.Record, <-chan struct{}) {
	if h.more == nil {
		h.more = make(chan struct{})
	}
	missing := len(h.points) // by who asks
	if position <= h.position {
		missing = int(min(h.position-position, uint64(missing)))
	}
	var out []control.Record
	for i, p := range h.last(missing) {
		if i == limit {
			break
		}
		age := missing - 1 - i
		out = append(out, control.Record{
			Position: h.position - uint64(age), Time: h.newest.Add(-time.Duration(age) * sampleInterval), Point: &p,
		})
	}
	return out, h.more
}
