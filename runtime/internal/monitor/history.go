package monitor

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// latencyWindow is how many samples back the latency percentiles reach.
const latencyWindow = 10

// pasts are what was sampled of listeners, by name.
type pasts struct {
	mu  sync.Mutex
	all map[string]*past
}

// past of one listener.
type past struct {
	history history
	recent  []listener.Totals // of the last seconds, oldest first
}

// of needs mu.
func (p *pasts) of(name string) *past {
	if p.all[name] == nil {
		return &past{}
	}
	return p.all[name]
}

// set needs mu.
func (p *pasts) set(name string, of *past) {
	if p.all == nil {
		p.all = map[string]*past{}
	}
	p.all[name] = of
}

// add adds a second to a listener's past.
func (p *pasts) add(name string, t listener.Totals, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of(name)
	last := t
	if n := len(one.recent); n > 0 {
		last = one.recent[n-1]
	}
	one.history.push(control.Point{
		Requests:    uint32(t.Requests - last.Requests),
		Errors:      uint32(t.Errors() - last.Errors()),
		Connections: uint32(t.Active + t.Idle),
	}, at)
	if len(one.recent) > latencyWindow {
		one.recent = append(one.recent[:0], one.recent[1:]...)
	}
	one.recent = append(one.recent, t)
	p.set(name, one)
}

// forget drops the past of listeners that are not there any more.
func (p *pasts) forget(there func(name string) bool) {
	p.mu.Lock()
	var gone []string
	for name := range p.all {
		gone = append(gone, name)
	}
	p.mu.Unlock()
	gone = slices.DeleteFunc(gone, there)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, name := range gone {
		p.all[name].history.wake() // who follows it may do so when it comes back
		delete(p.all, name)
	}
}

// last returns up to n points, oldest first.
func (p *pasts) last(name string, n int) []control.Point {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(name).history.last(n)
}

// oldest are the totals of the oldest of the recent seconds; false if there is none.
func (p *pasts) oldest(name string) (listener.Totals, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if recent := p.of(name).recent; len(recent) > 0 {
		return recent[0], true
	}
	return listener.Totals{}, false
}

// latency percentiles of the last ten seconds.
func (p *pasts) latency(name string, now listener.Totals) control.Latency {
	before, ok := p.oldest(name)
	if !ok {
		return control.Latency{}
	}
	window := now.Sub(before)
	return control.Latency{
		P50: milliseconds(window.Percentile(50)),
		P99: milliseconds(window.Percentile(99)),
	}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000
}

// Points is a [control.Source] of the points of a listener's last hour, one a second.
func (m *Monitor) Points(name string, position uint64, limit int) ([]control.Record, <-chan struct{}) {
	return m.pasts.after(name, position, limit)
}

// after is a [control.Source] of a listener's past.
func (p *pasts) after(name string, position uint64, limit int) ([]control.Record, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of(name)
	p.set(name, one) // also one that has no past yet
	return one.history.after(position, limit)
}

// Past of a listener, as it is handed to another program.
type Past struct {
	History  []control.Point   `json:"history,omitempty"`
	Position uint64            `json:"history_position,omitempty"` // of the newest point
	Recent   []listener.Totals `json:"recent,omitempty"`
}

// Past of a listener, with up to n points.
func (m *Monitor) Past(name string, n int) Past { return m.pasts.state(name, n) }

// RestorePast goes on with the past that another program has handed over.
func (m *Monitor) RestorePast(name string, p Past) { m.pasts.restore(name, p, time.Now()) }

func (p *pasts) state(name string, n int) Past {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.of(name)
	return Past{one.history.last(n), one.history.position, slices.Clone(one.recent)}
}

func (p *pasts) restore(name string, s Past, now time.Time) {
	one := &past{recent: s.Recent}
	for _, point := range s.History {
		one.history.push(point, now)
	}
	if len(s.History) > 0 {
		one.history.position = cmp.Or(s.Position, uint64(now.Unix()))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(name, one)
}

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
	h.wake()
	if len(h.points) < historySeconds {
		h.points = append(h.points, p)
		return
	}
	h.points[h.next] = p
	h.next = (h.next + 1) % historySeconds
}

// wake tells those who wait for the next point to look again.
func (h *history) wake() {
	if h.more != nil {
		close(h.more)
		h.more = nil
	}
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
