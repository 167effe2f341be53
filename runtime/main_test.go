//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// TestMain makes the test binary a worker when a master under test starts it.
func TestMain(m *testing.M) {
	if runtime.IsWorker() {
		failAtStart()
		if number, err := strconv.Atoi(os.Getenv("ROCKSTAR_APP")); err == nil {
			serveCode(number)
		}
		if err := runtime.RunWorker(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if order := os.Getenv(envCrash); order != "" {
		fmt.Fprintln(os.Stderr, crash(order))
		os.Exit(1)
	}
	// The race detector otherwise makes every worker linger a second at its exit.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// envFailing names a file; as long as it exists, a worker other than 0 that
// starts prints what it holds and fails.
const envFailing = "ROCKSTAR_TEST_FAILING"

func failAtStart() {
	words, err := os.ReadFile(os.Getenv(envFailing))
	if err == nil && !strings.HasSuffix(os.Args[0], "/0") {
		fmt.Fprintf(os.Stderr, "%s\n", words)
		os.Exit(3)
	}
}

const inProcess = `
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    routes:
      - {match: "GET /hello", respond: {body: "Hello, World!\n"}}
      - {match: "GET /stats/connections", stats: {}}
`

const preforked = `
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    prefork: {workers: 4}
    routes:
      - {match: "GET /hello", respond: {body: "Hello, World!\n"}}
      - {match: "GET /stats/connections", stats: {}}
`

// open starts an App on a config and shuts it down after the test.
func open(t *testing.T, text string) *runtime.App {
	t.Helper()
	cfg, err := config.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return start(t, runtime.Options{Config: cfg})
}

// openFile does the same with a file of that text, whose path it returns too.
func openFile(t *testing.T, text string) (*runtime.App, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rockstar.yaml")
	writeFile(t, path, text)
	return start(t, runtime.Options{ConfigPath: path}), path
}

func start(t *testing.T, o runtime.Options) *runtime.App {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	app, err := runtime.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := app.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return app
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// set applies PATH=VALUE edits.
func set(t *testing.T, app *runtime.App, edits ...string) {
	t.Helper()
	if _, err := app.Apply(t.Context(), control.Change{Patch: patch(edits...)}); err != nil {
		t.Fatalf("set %v: %v", edits, err)
	}
}

func patch(edits ...string) (p config.Patch) {
	for _, e := range edits {
		path, value, _ := strings.Cut(e, "=")
		p = append(p, config.Edit{Path: path, Value: value})
	}
	return p
}

// info is the present state of a listener.
func info(t *testing.T, app *runtime.App, name string) control.ListenerInfo {
	t.Helper()
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Listeners {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no listener %q in the snapshot", name)
	return control.ListenerInfo{}
}

// await waits until the listener is as wished.
func await(t *testing.T, app *runtime.App, name, what string, ok func(control.ListenerInfo) bool) control.ListenerInfo {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		l := info(t, app, name)
		if ok(l) {
			return l
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s did not come true: state %s (%s), workers %+v, connections %+v",
				name, what, l.State, l.Reason, l.Workers, l.Connections)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func workersReady(n int) func(control.ListenerInfo) bool {
	return func(l control.ListenerInfo) bool { return l.WorkersReady == n && len(l.Workers) == n }
}

func noConnections(l control.ListenerInfo) bool {
	return l.Connections.Active == 0 && l.Connections.Idle == 0
}
