//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// slow is an App whose web forwards /slow/ to a backend that answers when it is
// released, and may drain for a second.
func slow(t *testing.T, workers int) (app *runtime.App, ask func() <-chan error, release func()) {
	t.Helper()
	arrived, released := make(chan struct{}, 8), make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-released
		fmt.Fprint(w, "at last")
	}))
	t.Cleanup(backend.Close)
	text := strings.Replace(inProcess, "routes:", fmt.Sprintf(
		"prefork: {workers: %d}\n    timeouts: {shutdown: 1s}\n    routes:\n      - {match: /slow/, proxy: {pool: api}}", workers), 1)
	app = open(t, text+"pools: {api: {backends: {a: {url: '"+backend.URL+"'}}}}\n")
	url := "http://" + info(t, app, "web").Address + "/slow/"
	ask = func() <-chan error {
		answered := make(chan error, 1)
		go func() {
			resp, err := http.Get(url)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			answered <- err
		}()
		<-arrived
		return answered
	}
	done := false
	release = func() {
		if !done {
			done = true
			close(released)
		}
	}
	t.Cleanup(release)
	return app, ask, release
}

// draining waits until something drains and returns until when.
func draining(t *testing.T, app *runtime.App) time.Time {
	t.Helper()
	var until time.Time
	await(t, app, "web", "a drain with a deadline", func(l control.ListenerInfo) bool {
		for _, w := range l.Workers {
			if w.DrainDeadline != nil {
				until = *w.DrainDeadline
			}
		}
		return !until.IsZero()
	})
	return until
}

func redrain(t *testing.T, app *runtime.App, a control.Action) {
	t.Helper()
	if _, err := app.Act(t.Context(), a); err != nil {
		t.Fatalf("%s: %v", a.Kind, err)
	}
}

var drainWays = map[string]struct {
	workers int
	begin   func(*testing.T, *runtime.App)
}{
	"a worker": {2, func(t *testing.T, app *runtime.App) { restart(t, app, 0); restart(t, app, 1) }},
	"a stopped listener in process": {0, func(t *testing.T, app *runtime.App) {
		set(t, app, "listeners.web.enabled=false")
	}},
	"a stopped listener with workers": {1, func(t *testing.T, app *runtime.App) {
		set(t, app, "listeners.web.enabled=false")
	}},
	"a shutdown": {1, func(_ *testing.T, app *runtime.App) { go app.Shutdown(context.Background()) }},
}

func TestDrainsCanBeExtended(t *testing.T) {
	for name, way := range drainWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, ask, release := slow(t, way.workers)
			answered := ask()
			way.begin(t, app)
			before := draining(t, app)
			redrain(t, app, control.Action{Kind: control.DrainExtend, All: true, By: config.Duration(time.Minute)})
			if d := draining(t, app).Sub(before); d < 59*time.Second || d > 61*time.Second {
				t.Errorf("the deadline moved by %v, want a minute", d)
			}
			select {
			case err := <-answered:
				t.Fatalf("the request ended, %v, while it had a minute more", err)
			case <-time.After(time.Until(before.Add(500 * time.Millisecond))):
			}
			release()
			if err := <-answered; err != nil {
				t.Errorf("after the first deadline: %v", err)
			}
		})
	}
}

func TestDrainsCanBeEnded(t *testing.T) {
	for name, way := range drainWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, ask, _ := slow(t, way.workers)
			set(t, app, "listeners.web.timeouts.shutdown=60s")
			answered := ask()
			way.begin(t, app)
			draining(t, app)
			redrain(t, app, control.Action{Kind: control.DrainNow, Listener: "web", All: true})
			select {
			case err := <-answered:
				if err == nil {
					t.Error("the request was answered, though nobody did")
				}
			case <-time.After(10 * time.Second):
				t.Error("the drain goes on")
			}
		})
	}
}

// What drains does not keep the listener from being started again.
func TestStartWhileDraining(t *testing.T) {
	app, ask, release := slow(t, 0)
	set(t, app, "listeners.web.timeouts.shutdown=60s")
	answered := ask()
	set(t, app, "listeners.web.enabled=false")
	draining(t, app)
	set(t, app, "listeners.web.enabled=true")
	l := await(t, app, "web", "serving", func(l control.ListenerInfo) bool { return l.State == control.StateServing })
	if got := get(t, "http://"+l.Address+"/hello"); got != "Hello, World!\n" {
		t.Errorf("the new one answers %q", got)
	}
	release()
	if err := <-answered; err != nil {
		t.Errorf("what was under way: %v", err)
	}
}
