//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// TestStopTellsWhatItCut stops a listener with a stream that the plan names, and
// with a request of which nobody could know that it outlasts the deadline.
func TestStopTellsWhatItCut(t *testing.T) {
	over := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
		}
		<-over
	}))
	t.Cleanup(backend.Close)
	t.Cleanup(func() { close(over) })
	p := newPlace(t)
	p.write(fmt.Sprintf(`version: 1
listeners:
  web:
    address: %q
    prefork: {workers: 1}
    timeouts: {shutdown: 500ms}
    routes: [{match: /, proxy: {pool: api}}]
pools: {api: {backends: {a: {url: %q}}}}
`, p.address, backend.URL))
	p.serve()
	for _, tt := range []struct {
		path    string
		planned int
		code    int
	}{{"/events", 1, 0}, {"/slow", 0, 1}} {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if resp, err := http.Get("http://" + p.address + tt.path); err == nil {
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
		if tt.planned > 0 {
			p.await("a plan that names the stream", func() bool {
				var plan control.Plan
				text := p.must("plan", "set", "listeners.web.enabled=false", "--json")
				return json.Unmarshal([]byte(text), &plan) == nil && plan.Listeners[0].Cut == tt.planned
			})
		} else {
			p.await("the request", func() bool { return p.web().Connections.Active == 1 })
		}
		out, errOut, code := p.run("stop", "web", "--json")
		var got struct {
			control.Receipt
			Message string
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("stop --json printed %q: %v", out, err)
		}
		if code != tt.code || got.Cut != 1 || got.Drained != 0 || got.Planned.Cut != tt.planned || !got.Closed || got.Message == "" {
			t.Errorf("%s: exit %d, want %d; one connection cut, %d planned: %s%s", tt.path, code, tt.code, tt.planned, out, errOut)
		}
		if tt.code == 1 && !strings.Contains(errOut, "1 connection was cut beyond those in the plan") {
			t.Errorf("%s: stderr %s", tt.path, errOut)
		}
		<-ended
		p.must("start", "web")
	}
}
