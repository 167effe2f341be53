package runtime_test

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

var tiers = []string{"least_connections", "weighted", "random", "shared"}

// steered opens four workers steered so, or skips the test.
func steered(t *testing.T, steering string) *runtime.App {
	t.Helper()
	app := open(t, strings.Replace(preforked, "{workers: 4}", "{workers: 4, steering: "+steering+"}", 1))
	if l := info(t, app, "web"); l.Steering != steering {
		t.Skipf("%s steering: %s", steering, l.SteeringReason)
	}
	return app
}

func TestNoSteeringLosesAnything(t *testing.T) {
	for _, steering := range tiers {
		t.Run(steering, func(t *testing.T) {
			app := steered(t, steering)
			stop := load(t, app, 16)
			for range 2 {
				set(t, app, "listeners.web.prefork.workers=1")
				set(t, app, "listeners.web.prefork.workers=4")
			}
			for id := range 2 {
				if _, err := app.Act(t.Context(), control.Action{Kind: control.RestartWorker, Listener: "web", Worker: id}); err != nil {
					t.Error(err)
				}
			}
			set(t, app, "listeners.web.prefork.workers=0")
			set(t, app, "listeners.web.prefork.workers=4")
			await(t, app, "web", "4 workers", workersReady(4))
			wantNoFailure(t, stop())
			if l := info(t, app, "web"); l.Steering != steering {
				t.Errorf("steering is %s (%s) at last, want %s", l.Steering, l.SteeringReason, steering)
			}
		})
	}
}

func TestKilledWorkerIsSteeredAwayFromByEachSteering(t *testing.T) {
	for _, steering := range tiers {
		t.Run(steering, func(t *testing.T) {
			app := steered(t, steering)
			stop := load(t, app, 16)
			w := info(t, app, "web").Workers[1]
			if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			await(t, app, "web", "the replacement", func(l control.ListenerInfo) bool {
				return l.WorkersReady == 4 && l.Workers[1].PID != w.PID
			})
			r := stop()
			t.Log(r)
			for cause, n := range r.Failures {
				if strings.Contains(cause, "refused") || strings.Contains(cause, "timeout") {
					t.Errorf("%d × %s: a kill must not refuse or strand a client", n, cause)
				}
			}
		})
	}
}

func TestSteeringChangesWhileServing(t *testing.T) {
	app := steered(t, "random")
	stop := load(t, app, 16)
	for range 3 {
		for _, steering := range []string{"weighted", "auto", "random"} {
			set(t, app, "listeners.web.prefork.steering="+steering)
		}
	}
	set(t, app, "listeners.web.prefork.steering=weighted")
	wantNoFailure(t, stop())
	if l := info(t, app, "web"); l.Steering != "weighted" {
		t.Errorf("steering is %s (%s), want weighted", l.Steering, l.SteeringReason)
	}
}

func TestSharedIsRefusedWhileServed(t *testing.T) {
	app := steered(t, "random")
	_, err := app.Apply(t.Context(), control.Change{Patch: patch("listeners.web.prefork.steering=shared")})
	if !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "stop it") {
		t.Errorf("a change to shared: %v, want a refusal that says what to do", err)
	}
	set(t, app, "listeners.web.enabled=false")
	set(t, app, "listeners.web.prefork.steering=shared")
	set(t, app, "listeners.web.enabled=true")
	if l := info(t, app, "web"); l.Steering != "shared" || l.SteeringReason != "" {
		t.Errorf("steering is %s (%s), want shared", l.Steering, l.SteeringReason)
	}
}

// What the kernel counts stays right through everything that happens to workers:
// connections that end, are passed on, die with their worker, or were begun
// before anybody counted.
func TestLeastConnectionsCountsWhatIsThere(t *testing.T) {
	app := steered(t, "least_connections")
	address := info(t, app, "web").Address
	dial := func(n int) (all []net.Conn) {
		for range n {
			c, err := net.DialTimeout("tcp", address, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			all = append(all, c)
		}
		return all
	}
	even := func(each uint64) {
		t.Helper()
		await(t, app, "web", "as many connections everywhere", func(l control.ListenerInfo) bool {
			for _, w := range l.Workers {
				if w.Connections.Idle != each {
					return false
				}
			}
			return l.WorkersReady == 4
		})
	}
	set(t, app, "listeners.web.prefork.steering=random")
	first := dial(80)
	await(t, app, "web", "80 connections", func(l control.ListenerInfo) bool { return l.Connections.Idle == 80 })
	set(t, app, "listeners.web.prefork.steering=least_connections")
	dial(120)
	even(50)
	for _, c := range first {
		c.Close()
	}
	await(t, app, "web", "120 connections", func(l control.ListenerInfo) bool { return l.Connections.Idle == 120 })
	dial(80)
	even(50)
	// A killed worker's 50 are gone, and its successor gets as many.
	w := info(t, app, "web").Workers[2]
	if err := syscall.Kill(w.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, app, "web", "the replacement", func(l control.ListenerInfo) bool {
		return l.WorkersReady == 4 && l.Workers[2].PID != w.PID
	})
	dial(50)
	even(50)
}
