package runtime

import "github.com/echterhof/rockstar-tui/runtime/control"

// historySeconds is how far back the past of a listener is kept, a point per second.
const historySeconds = 3600

// history is a ring of the last hour, 43 KiB when full.
type history struct {
	points []control.Point
	next   int
}

func (h *history) push(p control.Point) {
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
