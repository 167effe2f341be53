//go:build unix

package runtime_test

import (
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// busy is a config of two listeners, the first on that address.
func busy(address string) string {
	return fmt.Sprintf(`
version: 1
listeners:
  web:
    address: %s
    routes: [{match: /, respond: {body: web}}]
  other:
    address: 127.0.0.1:0
    routes: [{match: /, respond: {body: other}}]
`, address)
}

func TestABusyPortDoesNotEndTheStart(t *testing.T) {
	squatter := listen(t)
	app := open(t, busy(squatter.Addr().String()))
	if got := get(t, "http://"+info(t, app, "other").Address+"/"); got != "other" {
		t.Errorf("the other listener says %q", got)
	}
	web := info(t, app, "web")
	if web.State != control.StateFailed || !web.Enabled || !strings.Contains(web.Reason, "address already in use") {
		t.Errorf("the listener whose port is taken is %s (%s), want it failed and why", web.State, web.Reason)
	}
	if who := fmt.Sprintf("pid %d (", os.Getpid()); goruntime.GOOS == "linux" && !strings.Contains(web.Reason, who) {
		t.Errorf("reason %q, want who holds the port: %s", web.Reason, who)
	}
	// Other changes do not depend on it, and do not speak of it.
	p, err := app.Plan(t.Context(), control.Change{Patch: patch("listeners.other.timeouts.idle=9s")})
	if err != nil || len(p.Listeners) != 1 || p.Listeners[0].Name != "other" {
		t.Errorf("the plan for the other listener is %+v, %v", p, err)
	}
	set(t, app, "listeners.other.timeouts.idle=9s")
	set(t, app, "listeners.web.timeouts.idle=8s")
	if _, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.enabled=false")}); err != nil {
		t.Errorf("the listener cannot be given up: %v", err)
	}
	if got := info(t, app, "web").State; got != control.StateStopped {
		t.Errorf("given up, it is %s", got)
	}
	if _, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.enabled=true")}); err == nil {
		t.Error("it was started on a port that is taken")
	}
}

func TestAListenerThatCouldNotBeOpenedIsTriedAgain(t *testing.T) {
	t.Parallel()
	squatter := listen(t)
	address := squatter.Addr().String()
	app := open(t, busy(address))
	before, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	squatter.Close()
	await(t, app, "web", "serving", func(l control.ListenerInfo) bool { return l.State == control.StateServing && l.Reason == "" })
	if got := get(t, "http://"+address+"/"); got != "web" {
		t.Errorf("the listener says %q", got)
	}
	after, err := app.Snapshot(t.Context())
	if err != nil || after.Generation != before.Generation {
		t.Errorf("generation %d, %v; want %d as before: the config is the same", after.Generation, err, before.Generation)
	}
	r := receiptOf(t, app, change(t, app, "listeners.web.enabled=false"))
	if !r.AsPlanned() {
		t.Errorf("the receipt of its stop is %+v", r)
	}
}

func TestStartTriesAFailedListenerAtOnce(t *testing.T) {
	squatter := listen(t)
	app := open(t, busy(squatter.Addr().String()))
	if _, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.enabled=true")}); err == nil {
		t.Error("it was started while its port was taken")
	}
	squatter.Close()
	set(t, app, "listeners.web.enabled=true") // does not wait for the next try
	if l := info(t, app, "web"); l.State != control.StateServing {
		t.Errorf("started again, it is %s (%s)", l.State, l.Reason)
	}
}

// Where nothing can be opened there is nothing to serve.
func TestABusyPortEndsAStartWithNothingElse(t *testing.T) {
	squatter := listen(t)
	text := strings.Replace(inProcess, "127.0.0.1:0", squatter.Addr().String(), 1)
	cfg, err := config.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	app, err := runtime.Open(t.Context(), runtime.Options{Config: cfg})
	if err == nil {
		app.Shutdown(t.Context())
		t.Fatal("it started")
	}
	if goruntime.GOOS == "linux" && !strings.Contains(err.Error(), fmt.Sprintf("pid %d (", os.Getpid())) {
		t.Errorf("error %v, want who holds the port", err)
	}
}
