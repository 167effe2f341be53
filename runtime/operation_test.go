//go:build unix

package runtime_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// operated is an App of Go code with a control socket and a state directory.
func operated(t *testing.T, dir string, readOnly bool) (*runtime.App, *control.Client) {
	t.Helper()
	socket := filepath.Join(dir, "control", "socket")
	app, err := runtime.New(runtime.FrameworkConfig{
		ControlSocket: socket, ReadOnly: readOnly, StateDir: filepath.Join(dir, "state"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { app.Shutdown(t.Context()) })
	app.Router().GET("/", say("hello"))
	serving(t, app)
	return app, control.Dial(socket)
}

func TestAnAppOfCodeIsOperatedThroughASocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "op") // short enough for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	app, client := operated(t, dir, false)
	s, err := client.Snapshot(t.Context())
	if err != nil || len(s.Listeners) != 1 || s.Listeners[0].Name != "main" {
		t.Fatalf("got %+v, %v", s.Listeners, err)
	}
	if _, err := client.Apply(t.Context(), control.Change{Patch: patch("listeners.main.timeouts.idle=7s"), Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	if err := app.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "the socket is gone", func() bool { _, err := client.Snapshot(t.Context()); return err != nil })

	app, client = operated(t, dir, true)
	history, err := client.History(t.Context(), control.HistoryQuery{})
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, g := range history {
		found = found || strings.HasPrefix(g.Actor, "ann ")
	}
	if !found {
		t.Errorf("the next start does not know of the change: %+v", history)
	}
	if _, err := client.Apply(t.Context(), control.Change{Patch: patch("listeners.main.timeouts.idle=7s")}); !errors.Is(err, control.ErrDenied) {
		t.Errorf("a viewer changes something: %v", err)
	}
	app.Shutdown(t.Context())
}

func TestSteeringAndRecyclingAreFields(t *testing.T) {
	app := program(t, runtime.ServerConfig{
		Steering: "random", RecycleRequests: 1000, RecycleAge: time.Hour, RecycleMemory: 64 << 20,
	})
	app.Router().GET("/", say("hello"))
	serving(t, app)
	same := patch("listeners.main.prefork.steering=random", "listeners.main.prefork.recycle.max_requests=1000",
		"listeners.main.prefork.recycle.max_age=1h", "listeners.main.prefork.recycle.max_memory=64MiB")
	plan, err := app.Plan(t.Context(), control.Change{Patch: same})
	if err != nil || len(plan.Changes) != 0 {
		t.Errorf("setting the same would change %+v, %v", plan, err)
	}
	wrong := app.Server().NewServer(runtime.ServerConfig{Steering: "roulette"})
	if err := wrong.Listen("127.0.0.1:0"); err == nil {
		t.Error("unknown steering is taken")
	}
}
