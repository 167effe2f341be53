package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// TestPlansOfListeners has a row for each kind of change.
func TestPlansOfListeners(t *testing.T) {
	for _, c := range []struct {
		edits         string
		kept, drained int
		workers       string // id and action of each
		deadline      string
		summary       string
	}{
		{"listeners.off.enabled=true", 0, 0, "", "", "off starts on :8082"},
		{"listeners.off.enabled=true listeners.off.prefork.workers=2", 0, 0, "0 start, 1 start", "", "off starts on :8082"},
		{"listeners.web.enabled=false", 0, 12, "0 retire, 1 retire, 2 retire, 3 retire", "30s", "web stops, 12 connections end after the current request"},
		{"-listeners.local", 0, 7, "", "30s", "local stops, 7 connections end after the current request"},
		{"listeners.web.address=:9090", 0, 12, "0 retire, 1 retire, 2 retire, 3 retire, 0 start, 1 start, 2 start, 3 start", "30s",
			"web moves to :9090, 12 connections end after the current request"},
		{"listeners.web.prefork.workers=5", 12, 0, "0 update, 1 update, 2 update, 3 update, 4 start", "", "web: 1 new worker, nothing dropped"},
		{"listeners.web.prefork.workers=3", 9, 3, "0 update, 1 update, 2 update, 3 retire", "30s", "web: 1 worker fewer, 3 connections end after the current request"},
		{"listeners.web.prefork.workers=0", 0, 12, "0 retire, 1 retire, 2 retire, 3 retire", "30s",
			"web: served by the master instead of 4 workers, 12 connections end after the current request"},
		{"listeners.local.prefork.workers=1", 0, 7, "0 start", "30s", "local: served by 1 worker instead of the master, 7 connections end after the current request"},
		{"listeners.web.timeouts.idle=2m", 12, 0, "0 update, 1 update, 2 update, 3 update", "", "web changes live, nothing dropped"},
		{"listeners.local.timeouts.idle=3m", 7, 0, "", "", "local changes live, nothing dropped"},
		{"listeners.local.keep_alive.enabled=false", 0, 7, "", "30s", "local closes connections after each request, 7 connections end after the current request"},
		{"listeners.local.tls={cert_file: c, key_file: k}", 0, 7, "", "30s", "local turns TLS on, 7 connections end after the current request"},
		{"listeners.local.protocol=http2 listeners.local.h2c=true", 0, 7, "", "30s", "local changes its protocol, 7 connections end after the current request"},
	} {
		cfg := parse(t, scene)
		p := planOf(t, viewOf(cfg), edits(c.edits), plan.Seen{})
		if len(p.Listeners) != 1 {
			t.Errorf("%s: %d listeners are touched", c.edits, len(p.Listeners))
			continue
		}
		l := p.Listeners[0]
		started, retired := strings.Count(c.workers, "start"), strings.Count(c.workers, "retire")
		if l.Kept != c.kept || l.Drained != c.drained || l.Summary != c.summary || l.Deadline != c.deadline || workersOf(l) != c.workers {
			t.Errorf("%s: got %+v, want %+v", c.edits, l, c)
		}
		if l.WorkersStarted != started || l.WorkersRetired != retired {
			t.Errorf("%s: %d workers are started and %d retired, want %d and %d", c.edits, l.WorkersStarted, l.WorkersRetired, started, retired)
		}
		if p.Summary != c.summary || p.Generation != 7 || len(p.Changes) == 0 {
			t.Errorf("%s: the whole is %+v", c.edits, p)
		}
	}
}

// planOf plans edits where the processes have told what was seen.
func planOf(t *testing.T, v plan.View, edits []string, seen plan.Seen) *control.Plan {
	t.Helper()
	to := with(t, v.Config, edits...)
	steps := plan.Steps(v, to)
	for i := range steps {
		steps[i].Seen = seen
	}
	return plan.Of(v, to, steps)
}

func workersOf(l control.ListenerPlan) string {
	var out []string
	for _, w := range l.Workers {
		out = append(out, fmt.Sprintf("%d %s", w.ID, w.Action))
	}
	return strings.Join(out, ", ")
}

func TestWorkersAreShownWithWhatTheyHave(t *testing.T) {
	p := planOf(t, viewOf(parse(t, scene)), []string{"listeners.web.prefork.workers=5"}, plan.Seen{})
	if got, want := p.Listeners[0].Workers[3], (control.WorkerPlan{ID: 3, PID: 103, Action: control.WorkerUpdated, Active: 1, Idle: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestATLSListenerGoesBackToClear(t *testing.T) {
	cfg := with(t, parse(t, scene), "listeners.local.tls={cert_file: c, key_file: k}")
	p := planOf(t, viewOf(cfg), []string{"-listeners.local.tls"}, plan.Seen{})
	if got, want := p.Summary, "local turns TLS off, 7 connections end after the current request"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingToDo(t *testing.T) {
	cfg := parse(t, scene)
	if p := planOf(t, viewOf(cfg), nil, plan.Seen{}); p.Summary != "nothing to change" || p.Changes == nil || p.Listeners == nil || p.Pools != nil {
		t.Errorf("got %+v, want an empty plan whose lists are no nulls", p)
	}
	if p := planOf(t, viewOf(cfg), []string{"listeners.off.address=:9090"}, plan.Seen{}); p.Summary != "1 value, no listener changes" {
		t.Errorf("got %q", p.Summary)
	}
}

func TestSummariesAreJoined(t *testing.T) {
	p := planOf(t, viewOf(parse(t, scene)), []string{"listeners.web.prefork.workers=5", "listeners.off.enabled=true", "pools.api.balance=random"}, plan.Seen{})
	if want := "off starts on :8082; web: 1 new worker, nothing dropped; pool api: changes live"; p.Summary != want {
		t.Errorf("got %q, want %q", p.Summary, want)
	}
}

// A shorter timeout ends at once what is overdue, and nothing waits for it.
func TestPlansNameWhatAShorterTimeoutEnds(t *testing.T) {
	for _, c := range []struct {
		late          plan.Load
		kept, drained int
		summary       string
	}{
		{plan.Load{}, 12, 0, "nothing dropped"},
		{plan.Load{Idle: 1}, 11, 1, "1 connection ends at once, idle for longer than 5s"},
		{plan.Load{Idle: 2, Active: 1}, 9, 3,
			"2 connections end at once, idle for longer than 5s, 1 connection ends at once within a request, longer than request 10s or response 0s"},
		{plan.Load{Idle: 20}, 0, 12, "20 connections end at once, idle for longer than 5s"}, // some have come meanwhile
	} {
		p := planOf(t, viewOf(parse(t, scene)), []string{"listeners.web.timeouts.idle=5s", "listeners.web.timeouts.request=10s"}, plan.Seen{Overdue: c.late})
		l := p.Listeners[0]
		if l.Kept != c.kept || l.Drained != c.drained || l.Summary != "web changes live, "+c.summary || l.Deadline != "" || l.Likely != "" {
			t.Errorf("%+v: got %+v, want %+v", c.late, l, c)
		}
	}
}

func TestPlansOfPools(t *testing.T) {
	for _, c := range []struct {
		edits          string
		action         control.PoolAction
		backends       string // name, URL, action, active and idle of each
		active, ending int
		summary        string
	}{
		{"pools.api.balance=random", control.PoolUpdated, "a http://10.0.0.1:80 keep 2 3, b http://10.0.0.2:80 keep 1 0", 3, 0, "pool api: changes live"},
		{"pools.api.backends.a.weight=7", control.PoolUpdated, "a http://10.0.0.1:80 update 2 3, b http://10.0.0.2:80 keep 1 0", 3, 0, "pool api: a gets another weight"},
		{"pools.api.backends.b.url=http://10.0.0.9:80", control.PoolUpdated, "a http://10.0.0.1:80 keep 2 3, b http://10.0.0.9:80 move 1 0", 3, 1,
			"pool api: b moves, 1 request finishes first"},
		{"-pools.api.backends.a", control.PoolUpdated, "a http://10.0.0.1:80 remove 2 3, b http://10.0.0.2:80 keep 1 0", 3, 2,
			"pool api: a is removed, 2 requests finish first"},
		{"pools.api.backends.c={url: 'http://10.0.0.4:80'}", control.PoolUpdated,
			"a http://10.0.0.1:80 keep 2 3, b http://10.0.0.2:80 keep 1 0, c http://10.0.0.4:80 add 0 0", 3, 0, "pool api: c is added"},
		{"-pools.api.backends.a pools.api.backends.c={url: 'http://10.0.0.4:80'}", control.PoolUpdated,
			"a http://10.0.0.1:80 remove 2 3, b http://10.0.0.2:80 keep 1 0, c http://10.0.0.4:80 add 0 0", 3, 2, "pool api: a is removed, c is added, 2 requests finish first"},
		{"-pools.spare", control.PoolRemoved, "a http://10.0.0.3:80 remove 0 5", 0, 0, "pool spare is removed"},
		{"pools.new={backends: {a: {url: 'http://10.0.0.4:80'}, b: {url: 'http://10.0.0.5:80'}}}", control.PoolAdded,
			"a http://10.0.0.4:80 add 0 0, b http://10.0.0.5:80 add 0 0", 0, 0, "pool new is added with 2 backends"},
	} {
		p := planOf(t, viewOf(parse(t, scene)), edits(c.edits), plan.Seen{})
		if len(p.Pools) != 1 {
			t.Errorf("%s: %d pools are touched", c.edits, len(p.Pools))
			continue
		}
		var backends []string
		for _, b := range p.Pools[0].Backends {
			backends = append(backends, fmt.Sprintf("%s %s %s %d %d", b.Name, b.URL, b.Action, b.Active, b.Idle))
		}
		got := p.Pools[0]
		if got.Action != c.action || strings.Join(backends, ", ") != c.backends || got.Active != c.active || got.Ending != c.ending || got.Summary != c.summary {
			t.Errorf("%s: got %+v, want %+v", c.edits, got, c)
		}
	}
}

// busy is a connection that a worker has been busy with for a time; a request is
// named if it is known to last.
func busy(worker int, protocol, request string, age time.Duration) control.Connection {
	return control.Connection{Worker: worker, Peer: fmt.Sprint("peer of ", worker), State: "active", Protocol: protocol, Request: request, Since: now.Add(-age)}
}

func idle(worker int) control.Connection {
	return control.Connection{Worker: worker, State: "idle", Protocol: "http/1.1", Since: now.Add(-time.Hour)}
}
