package problems_test

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
)

var update = flag.Bool("update", false, "write the page anew")

func TestThePageIsTheTable(t *testing.T) {
	const path = "../../../docs/problems.md"
	if *update {
		if err := os.WriteFile(path, []byte(problems.Page()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	is, err := os.ReadFile(path)
	if err != nil || string(is) != problems.Page() {
		t.Errorf("docs/problems.md is not what the table says; make golden writes it; %v", err)
	}
}

var now = time.Date(2026, time.March, 14, 15, 9, 26, 0, time.UTC)

func web(state string, ready, wanted int, refused uint64) control.ListenerInfo {
	return control.ListenerInfo{Name: "web", State: state, WorkersReady: ready, WorkersWanted: wanted,
		Connections: control.ConnectionCounts{Active: 4, Idle: 6, Refused: refused}, Limits: control.Limits{MaxConnections: 10}}
}

// below its bound on connections.
func below(refused uint64) control.ListenerInfo {
	l := web(control.StateServing, 1, 1, refused)
	l.Limits.MaxConnections = 100
	return l
}

// paced has an accept rate.
func paced(refused uint64) control.ListenerInfo {
	l := below(refused)
	l.Limits.AcceptRate = 10
	return l
}

func pool(states ...string) control.PoolInfo {
	p := control.PoolInfo{Name: "api"}
	for i, state := range states {
		p.Backends = append(p.Backends, control.BackendInfo{Name: string(rune('a' + i)), State: state})
	}
	return p
}

// cases are situations in which one problem is found, or none.
var cases = []struct {
	name   string
	now    control.Snapshot
	before *control.Snapshot
	facts  problems.Facts
	want   string // "code object value"
}{
	{name: "all is well", now: control.Snapshot{
		Listeners: []control.ListenerInfo{web(control.StateServing, 2, 2, 7)}, Pools: []control.PoolInfo{pool(control.BackendUp)}},
		before: &control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateServing, 2, 2, 7)}}},
	{name: "failed", now: control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateFailed, 0, 1, 0)}},
		want: problems.ListenerFailed + " listeners.web"},
	{name: "no worker", now: control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateDegraded, 0, 2, 0)}},
		want: problems.ListenerWorkersNone + " listeners.web"},
	{name: "few workers", now: control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateDegraded, 1, 2, 0)}},
		want: problems.ListenerWorkersFew + " listeners.web"},
	{name: "full", now: control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateServing, 1, 1, 31)}},
		before: &control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateServing, 1, 1, 0)}},
		want:   problems.RefusingConnections + " listeners.web"},
	{name: "too many a second", now: control.Snapshot{Listeners: []control.ListenerInfo{paced(31)}},
		before: &control.Snapshot{Listeners: []control.ListenerInfo{paced(0)}}, want: problems.RefusingRate + " listeners.web"},
	{name: "refused long ago", now: control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateServing, 1, 1, 31)}}},
	{name: "no descriptors for clients", now: control.Snapshot{Listeners: []control.ListenerInfo{below(31)}},
		before: &control.Snapshot{Listeners: []control.ListenerInfo{web(control.StateServing, 1, 1, 0)}},
		facts:  problems.Facts{Processes: []problems.Process{{Object: "runtime", Open: 90, Limit: 100}}}, want: problems.RefusingDescriptors + " listeners.web"},
	{name: "descriptors", facts: problems.Facts{Processes: []problems.Process{{Object: "runtime", Open: 80, Limit: 100}}},
		want: problems.DescriptorsScarce + " runtime"},
	{name: "enough descriptors", facts: problems.Facts{Processes: []problems.Process{{Object: "runtime", Open: 79, Limit: 100}}}},
	{name: "one of two backends", now: control.Snapshot{Pools: []control.PoolInfo{pool(control.BackendUp, control.BackendDown)}},
		want: problems.BackendDown + " pools.api.backends.b"},
	{name: "all backends", now: control.Snapshot{Pools: []control.PoolInfo{pool(control.BackendDown, control.BackendDown)}},
		want: problems.BackendsAllDown + " pools.api"},
	{name: "expired", facts: certificate(-time.Hour, ""), want: problems.CertificateExpired + " listeners.web"},
	{name: "expires", facts: certificate(problems.ExpiresSoon-time.Hour, ""), want: problems.CertificateExpires + " listeners.web"},
	{name: "lasts", facts: certificate(problems.ExpiresSoon+time.Hour, "")},
	{name: "cannot be read", facts: certificate(1000*time.Hour, "no such file"), want: problems.CertificateRefused + " listeners.web"},
	{name: "refused", now: control.Snapshot{Config: control.ConfigStatus{State: control.ConfigRefused, Error: &control.Error{Message: "bad"}}},
		want: problems.ConfigRefused + " config"},
	{name: "fallback", now: control.Snapshot{Config: control.ConfigStatus{State: control.ConfigRefused, Error: &control.Error{Message: "bad"}, Fallback: 3}},
		want: problems.ConfigFallback + " config"},
	{name: "disk full", facts: problems.Facts{StateError: "no space left on device"}, want: problems.StateFailing + " state"},
	{name: "no state", facts: problems.Facts{StateMissing: "permission denied"}, want: problems.StateMissing + " state"},
	{name: "foreign orphan directory", facts: problems.Facts{NoAdoption: "it belongs to user 4"}, want: problems.AdoptionMissing + " runtime"},
	{name: "log", facts: problems.Facts{LogDropped: 3, LogDroppedAt: now.Add(-time.Second)}, want: problems.LogDropped + " log"},
	{name: "log long ago", facts: problems.Facts{LogDropped: 3, LogDroppedAt: now.Add(-time.Hour)}},
}

func certificate(left time.Duration, refused string) problems.Facts {
	return problems.Facts{Certificates: []problems.Certificate{{Listener: "web", File: "cert.pem", Expires: now.Add(left), Refused: refused}}}
}

func TestEachProblemIsFound(t *testing.T) {
	tried := map[string]bool{}
	for _, c := range cases {
		c.now.Time = now
		found := problems.Find(&c.now, c.before, nil, c.facts)
		if c.want == "" {
			if len(found) > 0 {
				t.Errorf("%s: found %+v", c.name, found)
			}
			continue
		}
		if len(found) == 0 || found[0].Code+" "+found[0].Object != c.want {
			t.Errorf("%s: found %+v, want %s", c.name, found, c.want)
			continue
		}
		p := found[0]
		tried[p.Code] = true
		if strings.ContainsAny(p.Message+p.Remedy, "{}") || p.Message == "" || p.Remedy == "" || p.Kind == "" || p.Severity == "" || p.Since.IsZero() {
			t.Errorf("%s: it is not complete: %+v", c.name, p)
		}
	}
	for _, r := range problems.Rules {
		if !tried[string(r.Message)] {
			t.Errorf("%s was not found by any case", r.Message)
		}
	}
}

func TestAProblemKeepsItsBeginning(t *testing.T) {
	s := control.Snapshot{Time: now, Pools: []control.PoolInfo{pool(control.BackendDown)}}
	first := problems.Find(&s, nil, nil, problems.Facts{})
	s.Time = now.Add(time.Minute)
	second := problems.Find(&s, nil, first, problems.Facts{})
	if len(second) != 1 || !second[0].Since.Equal(now) {
		t.Errorf("found %+v, want since %s", second, now)
	}
}

func TestTheGravestComesFirst(t *testing.T) {
	s := control.Snapshot{Time: now, Listeners: []control.ListenerInfo{web(control.StateFailed, 0, 1, 0)},
		Pools: []control.PoolInfo{pool(control.BackendUp, control.BackendDown)}}
	found := problems.Find(&s, nil, nil, problems.Facts{LogDropped: 1, LogDroppedAt: now})
	var codes []string
	for _, p := range found {
		codes = append(codes, p.Code)
	}
	want := problems.ListenerFailed + " " + problems.BackendDown + " " + problems.LogDropped
	if got := strings.Join(codes, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
