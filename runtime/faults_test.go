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

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// proxying is inProcess with a route to one backend and short times.
func proxying(backend string) string {
	return strings.Replace(inProcess, "routes:",
		"timeouts: {read: 500ms, write: 500ms}\n    routes:\n      - {match: /api/, proxy: {pool: api}}\n"+
			"      - {match: /short/, timeouts: {response: 500ms}, proxy: {pool: api}}", 1) +
		"pools: {api: {read_timeout: 2s, backends: {a: {url: '" + backend + "'}}}}\n"
}

// An event a minute is no lack of progress, also where a backend sends it.
func TestAStreamWithLongPausesLivesThroughAPool(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush()
			time.Sleep(1500 * time.Millisecond)
		}
	}))
	defer backend.Close()
	app := open(t, proxying(backend.URL))
	url := "http://" + info(t, app, "web").Address
	resp, err := http.Get(url + "/api/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "data: 0\n\ndata: 1\n\ndata: 2\n\n" {
		t.Errorf("got %q, %v", body, err)
	}
	if l := info(t, app, "web"); l.Failures != (control.Failures{}) || l.Connections.TimedOut != 0 {
		t.Errorf("failures %+v, %d timed out", l.Failures, l.Connections.TimedOut)
	}
	if resp, err := http.Get(url + "/short/"); err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		if err == nil {
			t.Error("a route with a time for the whole response sent all of a longer one")
		}
	}
	if l := info(t, app, "web"); l.Connections.TimedOut != 1 {
		t.Errorf("%d timed out, want the one of the route", l.Connections.TimedOut)
	}
}

// A plan tells how many responses a bound on the whole ends, and then it does.
func TestPlanCountsWhatATimeoutOfResponsesEnds(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "begun")
		http.NewResponseController(w).Flush()
		<-gate
	}))
	defer backend.Close()
	defer close(gate)
	text := proxying(backend.URL)
	if prefork.Supported() {
		text = strings.Replace(text, "timeouts:", "prefork: {workers: 2}\n    timeouts:", 1)
	}
	app := open(t, text)
	l := await(t, app, "web", "service", func(l control.ListenerInfo) bool { return l.State == control.StateServing })
	for range 3 {
		resp, err := http.Get("http://" + l.Address + "/api/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.ReadFull(resp.Body, make([]byte, 5))
	}
	time.Sleep(200 * time.Millisecond) // what they last already
	change := control.Change{Patch: patch("listeners.web.timeouts.response=100ms")}
	p, err := app.Plan(t.Context(), change)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Listeners[0]; got.Drained != 3 || !strings.Contains(got.Summary, "3 connections end at once within a request") {
		t.Errorf("the plan ends %d: %s", got.Drained, got.Summary)
	}
	set(t, app, "listeners.web.timeouts.response=100ms")
	await(t, app, "web", "their end", func(l control.ListenerInfo) bool { return l.Connections.TimedOut == 3 })
}

func TestFaultsOfBackendsAndOfTheirClientsAreCountedApart(t *testing.T) {
	t.Parallel()
	waiting := make(chan struct{}, 5)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/wait") {
			waiting <- struct{}{}
			<-r.Context().Done()
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	app := open(t, proxying(backend.URL))
	url := "http://" + info(t, app, "web").Address
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-waiting
			cancel()
		}()
		req, _ := http.NewRequestWithContext(ctx, "GET", url+"/api/wait", nil)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			t.Error("a request that was canceled is answered")
		}
	}
	await(t, app, "web", "the cancels", func(l control.ListenerInfo) bool { return l.Failures.Canceled == 5 })
	get(t, url+"/api/")
	backend.Close()
	get(t, url+"/api/")
	l := info(t, app, "web")
	if want := (control.Failures{Canceled: 5, Backend: 2}); l.Failures != want || l.Errors != 2 {
		t.Errorf("failures %+v and %d errors, want %+v and 2", l.Failures, l.Errors, want)
	}
}
