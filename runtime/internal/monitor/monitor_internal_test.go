package monitor

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// requests of points, oldest first.
func requests(points []control.Point) (out []uint32) {
	for _, p := range points {
		out = append(out, p.Requests)
	}
	return out
}

func TestARingHasTheLastHour(t *testing.T) {
	var p pasts
	total := listener.Totals{}
	for i := range historySeconds + 10 {
		total.Requests += uint64(i)
		p.add("web", total, start.Add(time.Duration(i)*time.Second))
	}
	newest := uint32(historySeconds + 9)
	if got := requests(p.last("web", 3)); !slices.Equal(got, []uint32{newest - 2, newest - 1, newest}) {
		t.Errorf("the last three seconds are %v", got)
	}
	all := p.last("web", 2*historySeconds)
	if len(all) != historySeconds || all[0].Requests != 10 {
		t.Errorf("%d seconds are kept, from that with %d requests on; want an hour, from 10 on", len(all), all[0].Requests)
	}
	if p.last("web", 0) != nil || p.last("other", 5) != nil {
		t.Error("there are points that nobody asked for, or nobody took")
	}
}

// Positions are seconds, so that they go on in another program and after a removal.
func TestPointsAreFollowedByTheirPositions(t *testing.T) {
	var p pasts
	for i := range 5 {
		p.add("web", listener.Totals{Requests: uint64(i * i)}, start.Add(time.Duration(i)*time.Second))
	}
	first := uint64(start.Unix())
	all, more := p.after("web", 0, 100)
	if len(all) != 5 || all[0].Position != first || all[4].Position != first+4 || !all[1].Time.Equal(start.Add(time.Second)) || all[4].Point.Requests != 7 {
		t.Fatalf("got %+v", all)
	}
	if rest, _ := p.after("web", first+2, 100); len(rest) != 2 || rest[0].Position != first+3 {
		t.Errorf("after the third: %+v", rest)
	}
	if some, _ := p.after("web", first, 2); len(some) != 2 || some[1].Position != first+2 {
		t.Errorf("two after the first: %+v", some)
	}
	if none, _ := p.after("web", first+4, 100); none != nil {
		t.Errorf("after the newest: %+v", none)
	}
	select {
	case <-more:
		t.Fatal("more is told before there is any")
	default:
	}
	p.add("web", listener.Totals{Requests: 25}, start.Add(5*time.Second))
	<-more
	other := pasts{}
	other.restore("web", p.state("web", 2), start.Add(time.Minute))
	if got, _ := other.after("web", first+4, 100); len(got) != 1 || got[0].Position != first+5 || got[0].Point.Requests != 9 {
		t.Errorf("in the next program: %+v", got)
	}
	_, more = p.after("web", first+5, 100)
	p.forget(func(string) bool { return false })
	<-more // who follows looks again
	if p.last("web", 9) != nil {
		t.Error("the past of a removed listener is still there")
	}
}

func TestLatencyIsThatOfTheLastSeconds(t *testing.T) {
	var p pasts
	if got := p.latency("web", listener.Totals{}); got != (control.Latency{}) {
		t.Errorf("without a past: %+v", got)
	}
	for i := range 3 * latencyWindow {
		p.add("web", listener.Totals{Accepted: uint64(i)}, start)
	}
	if oldest, ok := p.oldest("web"); !ok || oldest.Accepted != 2*latencyWindow-1 {
		t.Errorf("the window begins at %d, %t; want %d samples before the newest", oldest.Accepted, ok, latencyWindow)
	}
}

// One kind of failure of a backend is told once a minute, and not while it is down.
func TestFailuresAreToldOnceAMinute(t *testing.T) {
	b := backends{failures: map[string]toldFailures{}}
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	for i, c := range []struct {
		backend string
		kind    pool.Kind
		failed  int // second
		down    bool
		now     int
		want    bool
	}{
		{"api/a", pool.KindNone, 0, false, 0, false},
		{"api/a", pool.KindStatus, 0, false, 0, false}, // its client was told
		{"api/a", pool.KindRefused, 1, false, 1, true},
		{"api/a", pool.KindRefused, 1, false, 100, false}, // the same one
		{"api/a", pool.KindRefused, 101, false, 101, true},
		{"api/a", pool.KindRefused, 102, false, 102, false}, // a moment after
		{"api/a", pool.KindTimeout, 103, false, 103, true},  // another kind
		{"api/b", pool.KindRefused, 103, false, 103, true},  // another backend
		{"api/b", pool.KindRefused, 200, true, 200, false},  // told otherwise
		{"api/b", pool.KindRefused, 201, false, 201, true},
	} {
		if got := b.tells(c.backend, pool.Failure{Kind: c.kind, At: at(c.failed)}, c.down, at(c.now)); got != c.want {
			t.Errorf("%d: %+v: told %t", i, c, got)
		}
	}
}

func TestStatesOfListeners(t *testing.T) {
	at := &net.TCPAddr{Port: 80}
	for name, c := range map[string]struct {
		l             endpoints.Status
		state, reason string
	}{
		"stopped":            {endpoints.Status{Wanted: 1}, control.StateStopped, ""},
		"drains":             {endpoints.Status{Wanted: 1, Draining: true}, control.StateDraining, ""},
		"not opened":         {endpoints.Status{Wanted: 1, Draining: true, Failed: "in use"}, control.StateFailed, "in use"},
		"serves":             {endpoints.Status{Addr: at, Wanted: 2, Ready: 2, Trouble: "once"}, control.StateServing, ""},
		"a moved one drains": {endpoints.Status{Addr: at, Wanted: 2, Ready: 2, Draining: true}, control.StateServing, ""},
		"starts":             {endpoints.Status{Addr: at, Wanted: 2, Ready: 1}, control.StateStarting, ""},
		"lost one":           {endpoints.Status{Addr: at, Wanted: 2, Ready: 1, WasFull: true}, control.StateDegraded, ""},
		"does not start":     {endpoints.Status{Addr: at, Wanted: 2, Trouble: "it crashed"}, control.StateDegraded, "it crashed"},
	} {
		if state, reason := stateOf(c.l); state != c.state || reason != c.reason {
			t.Errorf("%s: got %s, %q", name, state, reason)
		}
	}
}

// Only the beginning and end of problems that nothing else tells make events.
func TestNewProblemsAreTold(t *testing.T) {
	known := control.Problem{Kind: "refusing", Code: "refusing", Object: "listeners.web"}
	elsewhere := control.Problem{Kind: "refusing", Code: "refusing", Object: "listeners.api"}
	other := control.Problem{Kind: "backend_down", Code: "backend_down", Object: "pools.api"}
	got := missingFrom([]control.Problem{known}, []control.Problem{known, elsewhere, other})
	if len(got) != 1 || got[0].Object != elsewhere.Object {
		t.Errorf("got %+v, want the one elsewhere", got)
	}
}
