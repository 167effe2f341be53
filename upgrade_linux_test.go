package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
	"github.com/echterhof/rockstar-tui/internal/roamer"
	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const everyKind = `version: 1
defaults:
  timeouts: {shutdown: 10s}
listeners:
  web:
    address: %[1]q
    prefork: {workers: 2}
    routes: [{match: /hello, respond: {body: "Hello, World!\n"}}]
  solo:
    address: %[2]q
    routes: [{match: /hello, respond: {body: "Hello, World!\n"}}]
  streams:
    protocol: http2
    address: %[3]q
    prefork: {workers: 2}
    tls: {cert_file: cert.pem, key_file: key.pem}
    routes: [{match: /hello, respond: {body: "Hello, World!\n"}}]
  packets:
    protocol: quic
    address: %[4]q
    prefork: {workers: 2}
    tls: {cert_file: cert.pem, key_file: key.pem}
    routes: [{match: /hello, respond: {body: "Hello, World!\n"}}]
  alone:
    protocol: quic
    address: %[5]q
    tls: {cert_file: cert.pem, key_file: key.pem}
    routes: [{match: /hello, respond: {body: "Hello, World!\n"}}]
`

// TestUpgradeUnderLoadFailsNoRequest replaces the program by one of another
// version and back, with every kind of listener under load.
func TestUpgradeUnderLoadFailsNoRequest(t *testing.T) {
	other := buildVersion(t, "v2")
	upgradeUnderLoad(t, binary, []program{{other, "v2"}, {binary, "dev"}})
}

// program is one that can be started, and the version that it says it is.
type program struct{ binary, version string }

// upgradeUnderLoad starts the first program and replaces it by the others in turn,
// with every kind of listener under load. No request may fail.
func upgradeUnderLoad(t *testing.T, first string, others []program) {
	t.Helper()
	p := newPlace(t)
	trust := writeCertificate(t, p.dir)
	at := map[string]string{}
	for _, name := range []string{"web", "solo", "streams", "packets", "alone"} {
		at[name] = freeAddress(t)
	}
	p.write(fmt.Sprintf(everyKind, at["web"], at["solo"], at["streams"], at["packets"], at["alone"]))
	p.program = first
	master := p.serve().Process.Pid
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	loads := startEveryLoad(ctx, at, trust)
	watching := p.watch(ctx)
	var versions []string
	for _, to := range others {
		p.upgrade(master, to)
		versions = append(versions, to.version)
	}
	watching(t, versions...)
	cancel()
	loads(t)
}

// upgrade replaces the program that serves by another, and checks that nothing else
// has changed.
func (p *place) upgrade(master int, to program) {
	t := p.t
	t.Helper()
	before := p.status()
	var u control.Upgrade
	if err := json.Unmarshal([]byte(p.must("upgrade", "--json", "--binary", to.binary)), &u); err != nil || u.State != control.UpgradeDone || u.To != to.version {
		t.Fatalf("upgrade: %+v, %v", u, err)
	}
	after := p.status()
	if after.PID != master || after.Version != to.version || !after.StartedAt.Equal(before.StartedAt) || after.Generation != before.Generation {
		t.Errorf("after the upgrade: pid %d, version %s, started %s, generation %d; before: %+v", after.PID, after.Version, after.StartedAt, after.Generation, before)
	}
	wantKept(t, before, after)
	for i, l := range after.Listeners {
		if was := before.Listeners[i]; l.Requests < was.Requests || l.Connections.Total < was.Connections.Total {
			t.Errorf("%s: %d requests, %d connections after, %d and %d before", l.Name, l.Requests, l.Connections.Total, was.Requests, was.Connections.Total)
		}
		if was := before.Listeners[i]; l.Prefork && l.Steering != was.Steering {
			t.Errorf("%s: steering is %s, was %s", l.Name, l.Steering, was.Steering)
		}
		for _, w := range l.Workers {
			if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", w.PID)); w.State == control.WorkerReady && exe != to.binary {
				t.Errorf("worker %d of %s runs %s, want %s", w.ID, l.Name, exe, to.binary)
			}
		}
	}
}

// startEveryLoad requests from every listener of everyKind until ctx ends; the
// result then checks that none has failed.
func startEveryLoad(ctx context.Context, at map[string]string, trust *tls.Config) (check func(*testing.T)) {
	loads := map[string]*rawclient.Load{}
	for _, name := range []string{"web", "solo"} {
		loads[name+" kept alive"] = rawclient.Start(ctx, rawclient.Options{Address: at[name], Path: "/hello", Clients: 8, Pause: 2 * time.Millisecond})
		loads[name+" short"] = rawclient.Start(ctx, rawclient.Options{Address: at[name], Path: "/hello", Clients: 4, Short: true, Pause: time.Millisecond})
	}
	streams := startStreams(ctx, at["streams"], trust)
	datagrams := map[string]*roamer.Load{}
	for _, name := range []string{"packets", "alone"} {
		datagrams[name] = roamer.Start(ctx, roamer.Options{Address: at[name], Path: "/hello", TLS: trust, Clients: 4, Pause: 5 * time.Millisecond, Move: 300 * time.Millisecond})
	}
	return func(t *testing.T) {
		t.Helper()
		for name, l := range loads {
			r := l.Wait()
			wantAll(t, name, r.Requests, r.Failed(), r)
		}
		for name, l := range datagrams {
			r := l.Wait()
			wantAll(t, name, r.Requests, r.Failed(), r)
		}
		n, failures := streams()
		wantAll(t, "streams", n, len(failures), failures)
	}
}

func wantAll(t *testing.T, name string, requests, failed int, result any) {
	t.Helper()
	t.Logf("%s: %d requests, %d failed", name, requests, failed)
	if failed > 0 || requests < 50 {
		t.Errorf("%s: %v, want at least 50 requests and none failed", name, result)
	}
}

// wantKept checks that the workers of before drained only when the new program
// was there: they had outlived the replacement.
func wantKept(t *testing.T, before, after control.Snapshot) {
	t.Helper()
	taken := uint64(0)
	for _, e := range after.Events {
		if strings.Contains(e.Message, "has taken over") {
			taken = e.Seq
		}
	}
	if taken == 0 {
		t.Fatal("no event tells of the takeover")
	}
	for _, l := range before.Listeners {
		for _, w := range l.Workers {
			if !l.Prefork || w.State == control.WorkerDraining { // replaced by the upgrade before
				continue
			}
			drained := false
			for _, e := range after.Events {
				if strings.Contains(e.Message, fmt.Sprintf("(pid %d) drains", w.PID)) {
					drained = true
					if e.Seq < taken {
						t.Errorf("%s: worker with pid %d drained before the takeover", l.Name, w.PID)
					}
				}
				if strings.Contains(e.Message, fmt.Sprintf("(pid %d) ended", w.PID)) && !strings.Contains(e.Message, "exit status 0") {
					t.Errorf("%s: %s", l.Name, e.Message)
				}
			}
			if !drained {
				t.Errorf("%s: nothing tells that the worker with pid %d was replaced", l.Name, w.PID)
			}
		}
	}
}

// TestUpgradeToABadProgramLeavesTheOldOne tries all kinds of bad programs.
func TestUpgradeToABadProgramLeavesTheOldOne(t *testing.T) {
	p := newPlace(t)
	solo := freeAddress(t)
	p.write(fmt.Sprintf(fourWorkers, p.address) + fmt.Sprintf("  solo: {address: %q, routes: [{match: /hello, respond: {body: x}}]}\n", solo))
	p.serve()
	before := p.status()
	ctx, cancel := context.WithCancel(t.Context())
	kept := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 8, Pause: time.Millisecond})
	short := rawclient.Start(ctx, rawclient.Options{Address: solo, Path: "/hello", Clients: 4, Short: true, Pause: time.Millisecond})
	for _, bad := range []struct {
		name, content string
		mode          os.FileMode
		want          string
	}{
		{"absent", "", 0, "no such file"},
		{"not executable", "\x7fELF", 0o600, "permission denied"},
		{"garbage", "\x00garbage", 0o700, "exec format error"},
		{"fails", "#!/bin/sh\necho it is broken >&2\nexit 1\n", 0o700, "it is broken"},
		{"silent", "#!/bin/sh\nexit 0\n", 0o700, "does not support the check"},
		{"vanishes", "#!/bin/sh\necho '{\"version\":\"v3\"}'\nrm \"$0\"\n", 0o700, "has changed since it passed the check"},
		// It passes the check, and is then refused by exec itself.
		{"cannot be executed", "#!/bin/sh\necho '{\"version\":\"v3\"}'\nchmod 600 \"$0\"\n", 0o700, "permission denied"},
	} {
		path := filepath.Join(p.dir, "bad")
		os.Remove(path)
		if bad.mode != 0 {
			if err := os.WriteFile(path, []byte(bad.content), bad.mode); err != nil {
				t.Fatal(err)
			}
		}
		out, errOut, code := p.run("upgrade", "--binary", path)
		if code != 6 || !strings.Contains(errOut, bad.want) || !strings.Contains(errOut, "version dev keeps running") {
			t.Errorf("%s: exit %d, want 6 and %q: %s%s", bad.name, code, bad.want, out, errOut)
		}
	}
	after := p.status()
	for _, w := range p.web().Workers {
		if w.State == control.WorkerReady && !running(before, w.PID) {
			t.Errorf("worker with pid %d was not there before", w.PID)
		}
	}
	if after.PID != before.PID || after.Upgrade == nil || after.Upgrade.State != control.UpgradeFailed {
		t.Errorf("the state after is %+v of pid %d, want a failed upgrade of pid %d", after.Upgrade, after.PID, before.PID)
	}
	p.await("the listener without workers to be back in the master", func() bool {
		for _, l := range p.status().Listeners {
			if l.Name == "solo" && len(l.Workers) == 1 && l.Workers[0].PID == before.PID {
				return true
			}
		}
		return false
	})
	p.must("scale", "web", "5") // it still obeys
	p.must("upgrade")
	cancel()
	for name, l := range map[string]*rawclient.Load{"kept": kept, "short": short} {
		r := l.Wait()
		wantAll(t, name, r.Requests, r.Failed(), r)
	}
}

func running(s control.Snapshot, pid int) bool {
	for _, l := range s.Listeners {
		for _, w := range l.Workers {
			if w.PID == pid {
				return true
			}
		}
	}
	return false
}

// TestSignalUpgradesToTheProgramAtItsPath is what a package manager relies on.
func TestSignalUpgradesToTheProgramAtItsPath(t *testing.T) {
	p := newPlace(t)
	second := buildVersion(t, "v2")
	own := filepath.Join(p.dir, "rockstar-tui")
	if err := os.Link(binary, own); err != nil {
		t.Skip(err) // another file system
	}
	cmd := exec.Command(own, "serve", "-c", p.config)
	cmd.Env, cmd.Dir = p.env, p.dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(syscall.SIGTERM); cmd.Wait() })
	p.await("an answer", func() bool { _, _, code := p.run("status"); return code == 0 })
	p.must("set", "listeners.web.timeouts.idle", "77s", "--reason", "before the upgrade")
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(second, own); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	p.await("version v2", func() bool { s := p.status(); return s.Version == "v2" && s.Upgrade.Over() })
	s := p.status()
	if s.Config.State != control.ConfigOverridden || len(s.Config.Edits) != 1 || s.Config.Edits[0].Reason != "before the upgrade" {
		t.Errorf("the config after: %+v, want the override from before", s.Config)
	}
	if s.Listeners[0].Timeouts.Idle != "1m17s" {
		t.Errorf("idle timeout %s, want 77s", s.Listeners[0].Timeouts.Idle)
	}
	p.write(strings.Replace(fmt.Sprintf(fourWorkers, p.address), "workers: 4", "workers: 3", 1))
	p.await("the file to be watched", func() bool { return p.web().WorkersReady == 3 })
}

func buildVersion(t *testing.T, version string) string {
	t.Helper()
	path := filepath.Join(filepath.Dir(binary), "rockstar-tui-"+version)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if out, err := exec.Command("go", "build", "-ldflags", "-X main.version="+version, "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// watch follows the status as an operator does; the result checks which versions
// it showed.
func (p *place) watch(ctx context.Context) func(t *testing.T, versions ...string) {
	p.t.Helper()
	cmd := p.command("status", "--watch", "--json", "--interval", "100ms")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lines := bufio.NewReader(out); ; {
			line, err := lines.ReadBytes('\n')
			if err != nil {
				return
			}
			var s control.Snapshot
			if json.Unmarshal(line, &s) == nil {
				mu.Lock()
				seen[s.Version] = true
				mu.Unlock()
			}
		}
	}()
	p.t.Cleanup(func() { cmd.Process.Kill(); <-done; cmd.Wait() })
	return func(t *testing.T, versions ...string) {
		t.Helper()
		for _, v := range versions {
			p.await("the watch to show version "+v, func() bool { mu.Lock(); defer mu.Unlock(); return seen[v] })
		}
	}
}

// startStreams requests over HTTP/2 until ctx ends.
func startStreams(ctx context.Context, address string, trust *tls.Config) (wait func() (requests int, failures map[string]int)) {
	failures := map[string]int{}
	n := 0
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}}
			for ctx.Err() == nil {
				err := getOverHTTP2(c, "https://"+address+"/hello")
				mu.Lock()
				if err != nil {
					failures[err.Error()]++
				} else {
					n++
				}
				mu.Unlock()
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	return func() (int, map[string]int) { wg.Wait(); return n, failures }
}

func getOverHTTP2(c *http.Client, url string) error {
	r, err := c.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != 200 || r.ProtoMajor != 2 {
		return fmt.Errorf("%s over %s", r.Status, r.Proto)
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err
}

// writeCertificate makes cert.pem and key.pem for the loopback, and returns
// what clients need.
func writeCertificate(t *testing.T, dir string) *tls.Config {
	t.Helper()
	cert, key, err := selfsigned.Certificate{Hosts: []string{"127.0.0.1"}, Expires: time.Now().Add(time.Hour)}.PEM()
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	return &tls.Config{RootCAs: roots}
}

func TestWorkersOfAKilledMasterAreAdopted(t *testing.T) { adoptUnderLoad(t, binary, binary) }

// adoptUnderLoad kills the master, which is the first program, under load and starts
// the second, which goes on with the workers there are.
func adoptUnderLoad(t *testing.T, first, second string) {
	t.Helper()
	p := newPlace(t)
	p.program = first
	master := p.serve()
	p.must("restart", "web", "1") // leaves a slot without a worker, which dies with the master
	p.await("four workers", func() bool { w := p.web(); return w.WorkersReady == 4 && len(w.Workers) == 4 })
	before := p.status()
	ctx, cancel := context.WithCancel(t.Context())
	kept := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 8, Pause: time.Millisecond})
	short := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 4, Short: true, Pause: time.Millisecond})
	enough := func(n int) func() bool {
		from := kept.Result().Requests + short.Result().Requests
		return func() bool { return kept.Result().Requests+short.Result().Requests > from+n }
	}
	p.await("load", enough(500))
	if err := master.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.await("the end of the master", func() bool { _, _, code := p.run("status"); return code == 3 })
	p.await("answers without a master", enough(500))
	p.program = second
	p.serve()
	after := p.status()
	for _, w := range p.web().Workers {
		if !running(before, w.PID) {
			t.Errorf("worker %d has pid %d, which was not there before", w.ID, w.PID)
		}
	}
	if l := after.Listeners[0]; l.WorkersReady != 4 || l.Requests < before.Listeners[0].Requests+1000 {
		t.Errorf("after: %+v, want 4 workers that have counted all that was answered", l)
	}
	p.await("answers with the new master", enough(500))
	p.must("set", "listeners.web.timeouts.idle", "33s")
	p.must("scale", "web", "5")
	p.must("restart", "web")
	p.await("five new workers", func() bool {
		w := p.web()
		for _, x := range w.Workers {
			if running(before, x.PID) {
				return false
			}
		}
		return w.WorkersReady == 5
	})
	cancel()
	for name, l := range map[string]*rawclient.Load{"kept": kept, "short": short} {
		r := l.Wait()
		wantAll(t, name, r.Requests, r.Failed(), r)
	}
}

// TestAProgramThatDiesAfterItsCheckBringsTheOldOneBack replaces the program by
// one that passes the check and ends at once, under load.
func TestAProgramThatDiesAfterItsCheckBringsTheOldOneBack(t *testing.T) {
	p := newPlace(t)
	p.write(fmt.Sprintf(fourWorkers, p.address))
	master := p.serve().Process
	before := p.status()
	p.endsWith(before)
	ctx, cancel := context.WithCancel(t.Context())
	kept := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 8, Pause: time.Millisecond})
	short := rawclient.Start(ctx, rawclient.Options{Address: p.address, Path: "/hello", Clients: 4, Short: true, Pause: time.Millisecond})
	path := filepath.Join(p.dir, "dies")
	script := "#!/bin/sh\n[ \"$1\" = __upgrade-check ] && echo '{\"version\":\"v3\",\"tells\":true}' && exit 0\necho it is broken after all >&2\nexit 1\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	out, errOut, code := p.run("upgrade", "--binary", path)
	if code != 6 || !strings.Contains(errOut, "version v3 died while taking over") || !strings.Contains(errOut, "version dev is back") {
		t.Errorf("upgrade: exit %d, want 6 and that the old version is back: %s%s", code, out, errOut)
	}
	after := p.status()
	if after.PID == master.Pid || after.Version != "dev" {
		t.Errorf("pid %d runs version %s, want another than pid %d of version dev", after.PID, after.Version, master.Pid)
	}
	for _, w := range p.web().Workers {
		if !running(before, w.PID) {
			t.Errorf("worker %d has pid %d, which was not there before", w.ID, w.PID)
		}
	}
	log, err := os.ReadFile(filepath.Join(p.dir, "serve.log"))
	if err != nil || !strings.Contains(string(log), "the workers keep serving for 1m0s, and version dev starts again; if it does not, run: "+binary+" serve -c ") {
		t.Errorf("the log does not tell what to do: %v\n%s", err, log)
	}
	p.must("set", "listeners.web.timeouts.idle", "33s")
	p.must("upgrade") // to the program at its path, which is good
	cancel()
	for name, l := range map[string]*rawclient.Load{"kept": kept, "short": short} {
		r := l.Wait()
		wantAll(t, name, r.Requests, r.Failed(), r)
	}
	p.must("shutdown", "--yes")
	time.Sleep(500 * time.Millisecond) // nobody must come back, however long one waits
	if _, _, code := p.run("status"); code != 3 {
		t.Errorf("status after a shutdown: exit %d, want 3", code)
	}
}

// endsWith ends whatever runtime answers in the end, if the test has failed before
// it did so itself.
func (p *place) endsWith(first control.Snapshot) {
	p.t.Cleanup(func() {
		var s control.Snapshot
		out, _, code := p.run("status", "--json")
		if code == 0 && json.Unmarshal([]byte(out), &s) == nil && s.PID != first.PID {
			syscall.Kill(s.PID, syscall.SIGTERM)
		}
	})
}
