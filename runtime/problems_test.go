//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
)

// awaitProblem waits for a problem with that code.
func awaitProblem(t *testing.T, app *runtime.App, code string) control.Problem {
	t.Helper()
	var found []control.Problem
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range s.Problems {
			if p.Code == code {
				return p
			}
		}
		found = s.Problems
	}
	t.Fatalf("no problem %s, only %+v", code, found)
	return control.Problem{}
}

func TestABackendThatIsDownIsAProblem(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	gone.Close()
	app := open(t, fmt.Sprintf(`{version: 1,
listeners: {web: {protocol: http, address: "127.0.0.1:0", routes: [{match: /, proxy: {pool: api}}]}},
pools: {api: {backends: {a: {url: "http://%s"}}}}}`, gone.Addr()))
	s, err := app.Snapshot(t.Context())
	check(t, err)
	if s.Problems == nil || len(s.Problems) > 0 {
		t.Errorf("problems at the start: %+v, want an empty list", s.Problems)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for ctx.Err() == nil {
			if r, err := http.Get("http://" + s.Listeners[0].Address); err == nil {
				io.Copy(io.Discard, r.Body)
				r.Body.Close()
			}
		}
	}()
	p := awaitProblem(t, app, problems.BackendsAllDown)
	if p.Object != "pools.api" || p.Severity != control.SeverityHarm || !strings.Contains(p.Message, "api") || p.Value != 1 {
		t.Errorf("got %+v", p)
	}
}

func TestConnectionsThatAreTurnedAwayAreAProblem(t *testing.T) {
	app := open(t, `{version: 1, listeners: {web: {protocol: http, address: "127.0.0.1:0", limits: {max_connections: 2},
routes: [{match: /, respond: {status: 200}}]}}}`)
	s, err := app.Snapshot(t.Context())
	check(t, err)
	for range 5 {
		c, err := net.Dial("tcp", s.Listeners[0].Address)
		check(t, err)
		defer c.Close()
	}
	p := awaitProblem(t, app, problems.RefusingConnections)
	if p.Object != "listeners.web" || p.Clients == 0 || p.Key != "listeners.web.limits.max_connections" {
		t.Errorf("got %+v", p)
	}
	again := awaitProblem(t, app, problems.RefusingConnections)
	if again.Since.After(p.Since) {
		t.Errorf("it began at %s, and later at %s", p.Since, again.Since)
	}
}

func TestARefusedFileIsAProblemUntilItIsMended(t *testing.T) {
	const good = `{version: 1, listeners: {web: {protocol: http, address: "127.0.0.1:0", routes: [{match: /, respond: {status: 200}}]}}}`
	app, path := openFile(t, good)
	writeFile(t, path, "nonsense")
	awaitProblem(t, app, problems.ConfigRefused)
	writeFile(t, path, good+"\n")
	awaitStatus(t, app, "mended", isState(control.ConfigInSync))
	s, err := app.Snapshot(t.Context())
	check(t, err)
	if len(s.Problems) > 0 {
		t.Errorf("still %+v", s.Problems)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestACertificateIsAProblemBeforeItsEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(expires time.Duration) {
		cert, key, err := selfsigned.Certificate{Hosts: []string{"localhost"}, Expires: time.Now().Add(expires)}.PEM()
		check(t, err)
		writeFile(t, filepath.Join(dir, "cert.pem"), string(cert))
		writeFile(t, filepath.Join(dir, "key.pem"), string(key))
	}
	write(3 * 24 * time.Hour)
	app := open(t, fmt.Sprintf(`{version: 1, listeners: {web: {protocol: http, address: "127.0.0.1:0",
tls: {cert_file: %q, key_file: %q}, routes: [{match: /, respond: {status: 200}}]}}}`, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")))
	p := awaitProblem(t, app, problems.CertificateExpires)
	if p.Object != "listeners.web" || p.Value != 2 || p.Severity != control.SeverityRisk {
		t.Errorf("got %+v", p)
	}
	writeFile(t, filepath.Join(dir, "cert.pem"), "nonsense")
	awaitProblem(t, app, problems.CertificateRefused)
	write(90 * 24 * time.Hour)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		s, err := app.Snapshot(t.Context())
		check(t, err)
		if len(s.Problems) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still %+v", s.Problems)
		}
	}
}
