//go:build unix

package runtime_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Plans tell what becomes of each backend, and which requests finish first.
func TestPlanTellsTheFateOfEachBackend(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	app := open(t, strings.Replace(inProcess, "routes:", "routes:\n      - {match: /api/, proxy: {pool: api}}", 1)+
		fmt.Sprintf("pools:\n  api: {backends: {a: {url: %q}}}\n  spare: {backends: {s: {url: %q}}}\n", slow.URL, other.URL))
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + info(t, app, "web").Address + "/api/")
		if err == nil {
			resp.Body.Close()
		}
		answered <- err
	}()
	t.Cleanup(func() {
		close(release)
		if err := <-answered; err != nil {
			t.Errorf("the request under way was lost: %v", err)
		}
	})
	awaitActive(t, app, "api")
	for _, c := range []struct {
		edits                 []string
		action                string
		backends              string // name, action and active of each
		ending                int
		summary, wholeSummary string
	}{
		{[]string{"pools.api.backends.a.weight=7"}, "update", "a update 1", 0, "pool api: a gets another weight", ""},
		{[]string{"pools.api.balance=round_robin"}, "update", "a keep 1", 0, "pool api: changes live", ""},
		{[]string{"pools.api.backends.a.url=" + other.URL}, "update", "a move 1", 1, "pool api: a moves, 1 request finishes first", "; pool api: a moves, 1 request finishes first"},
		{[]string{"pools.api.backends={b: {url: '" + other.URL + "'}}"}, "update", "a remove 1,b add 0", 1,
			"pool api: a is removed, b is added, 1 request finishes first", ""},
		{[]string{"pools.new={backends: {x: {url: '" + other.URL + "'}}}"}, "add", "x add 0", 0, "pool new is added with 1 backend", "pool new is added with 1 backend"},
	} {
		p, err := app.Plan(t.Context(), control.Change{Patch: patch(c.edits...)})
		if err != nil || len(p.Pools) != 1 {
			t.Errorf("%v: %v, %+v; want the plan of one pool", c.edits, err, p)
			continue
		}
		var got []string
		for _, b := range p.Pools[0].Backends {
			got = append(got, fmt.Sprintf("%s %s %d", b.Name, b.Action, b.Active))
		}
		pp := p.Pools[0]
		if string(pp.Action) != c.action || strings.Join(got, ",") != c.backends || pp.Ending != c.ending || pp.Summary != c.summary || !strings.HasSuffix(p.Summary, c.wholeSummary) {
			t.Errorf("%v: got %+v of %q", c.edits, pp, p.Summary)
		}
	}
	p, err := app.Plan(t.Context(), control.Change{Config: strings.Replace(inProcess, "/hello", "/hullo", 1)})
	if err != nil || len(p.Pools) != 2 || p.Pools[0].Action != "remove" || p.Pools[0].Ending != 1 || p.Pools[1].Name != "spare" {
		t.Errorf("removal of both pools: %v, %+v", err, p)
	}
}

func awaitActive(t *testing.T, app *runtime.App, pool string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Pools {
			if p.Name == pool && p.Stats.Active == 1 {
				return
			}
		}
	}
	t.Fatalf("no request is under way on pool %s", pool)
}

// A plan tells how long the requests that drain have been at it, and how long
// that will probably take, which is never beyond the deadline.
func TestPlanJudgesADrainByTheAges(t *testing.T) {
	release := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(slow.Close)
	app := open(t, strings.Replace(inProcess, "routes:", "timeouts: {shutdown: 1s}\n    routes:\n      - {match: /api/, proxy: {pool: api}}", 1)+
		fmt.Sprintf("pools: {api: {backends: {a: {url: %q}}}}\n", slow.URL))
	go http.Get("http://" + info(t, app, "web").Address + "/api/")
	t.Cleanup(func() { close(release) })
	awaitActive(t, app, "api")
	stop := control.Change{Patch: patch("listeners.web.enabled=false")}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		p, err := app.Plan(t.Context(), stop)
		if err != nil {
			t.Fatal(err)
		}
		l := p.Listeners[0]
		age, _ := time.ParseDuration(l.OldestRequest)
		likely, err := time.ParseDuration(l.Likely)
		if err != nil || age <= 0 || likely != min(age, time.Second) {
			t.Fatalf("under way for %q, likely %q (%v), want the same, and at most the deadline of 1s", l.OldestRequest, l.Likely, err)
		}
		if age > time.Second {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the oldest request does not age: %q", l.OldestRequest)
		}
	}
}
