//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/problems"
)

const inMaster = `version: 1
listeners:
  web:
    address: %q
    limits: {max_connections: 10000}
    routes:
      - {match: "GET /hello", respond: {body: "Hello, World!\n"}}
`

// serveUnder starts a headless runtime behind a command of the shell that sets limits.
func (p *place) serveUnder(limits string) (pid int) { return p.serveUnderAs(limits, nil) }

// serveUnderAs does so as another user, if that is not nil.
func (p *place) serveUnderAs(limits string, user *syscall.Credential) (pid int) {
	p.t.Helper()
	cmd := p.command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", limits + ` && exec "$0" "$@"`, binary, "serve", "-c", p.config}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: user}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	p.t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			p.t.Error("serve did not end within 30s of SIGTERM")
		}
	})
	p.await("an answer of the runtime", func() bool { _, _, code := p.run("status"); return code == 0 })
	return cmd.Process.Pid
}

// tasks counts the processes and threads of a user.
func tasks(uid int) (n int) {
	all, _ := filepath.Glob("/proc/[0-9]*/task/[0-9]*")
	for _, name := range all {
		var st syscall.Stat_t
		if syscall.Stat(name, &st) == nil && int(st.Uid) == uid {
			n++
		}
	}
	return n
}

// TestMoreWorkersThanTheSystemAllowsAreRefused: Go ends a program that cannot
// start a thread, and that was the master.
func TestMoreWorkersThanTheSystemAllowsAreRefused(t *testing.T) {
	p := newPlace(t)
	uid, user := os.Getuid(), (*syscall.Credential)(nil)
	if uid == 0 { // whom the limit does not bind
		uid = 54321
		user = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
		for _, path := range []string{filepath.Dir(binary), binary, p.dir, p.config} {
			if err := errors.Join(os.Chmod(path, 0o755), os.Chown(path, uid, uid)); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.write(strings.Replace(fmt.Sprintf(fourWorkers, p.address), "workers: 4", "workers: 2", 1))
	master := p.serveUnderAs(fmt.Sprintf("{ ulimit -u %[1]d 2>/dev/null || ulimit -p %[1]d; }", tasks(uid)+120), user) // bash, dash
	_, message, code := p.run("scale", "web", "60")
	if code != 6 || !strings.Contains(message, "ulimit -u") || !strings.Contains(message, "58 more workers") {
		t.Errorf("exit code %d: %s", code, message)
	}
	if _, message, code := p.run("plan", "set", "listeners.web.prefork.workers=60"); code == 0 {
		t.Errorf("the plan does not say so: %s", message)
	}
	// What ends is started again, as long as there is room, and the master lives.
	victim := p.web().Workers[0].PID
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.await("the replacement", func() bool {
		w := p.web()
		return w.WorkersReady == 2 && w.Workers[0].PID != victim
	})
	if s := p.status(); s.PID != master {
		t.Errorf("the master is %d, and was %d", s.PID, master)
	}
}

func TestClientsCannotTakeTheLastDescriptors(t *testing.T) {
	for name, text := range map[string]string{"in the master": inMaster, "in workers": fourWorkers} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write(fmt.Sprintf(text, p.address))
			p.serveUnder("ulimit -n 160")
			if out := p.must("events"); text == inMaster && !strings.Contains(out, "limit of 160 descriptors") {
				t.Errorf("nothing warns that 10,000 connections exceed 160 descriptors:\n%s", out)
			}
			hold(t, p.address, 900)
			p.awaitProblem(problems.RefusingDescriptors)
			p.awaitProblem(problems.DescriptorsScarce)
			p.await("an event that tells of it", func() bool { return strings.Contains(p.must("events"), "out of file descriptors") })
			p.must("set", "listeners.web.timeouts.idle", "1s") // ends what is held
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
			p.await("an answer to a new client", func() bool {
				r, err := client.Get("http://" + p.address + "/hello")
				if err != nil {
					return false
				}
				r.Body.Close()
				return r.StatusCode == http.StatusOK
			})
			p.await("the end of the problems", func() bool { return len(p.status().Problems) == 0 })
		})
	}
}

// hold opens so many connections that sends one request each and stay, as far as
// they are let in.
func hold(t *testing.T, address string, n int) {
	t.Helper()
	served, refused := 0, 0
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(c).ReadString('\n')
		switch {
		case strings.Contains(line, " 200 "):
			served++
		case strings.Contains(line, " 503 "), err != nil && !strings.Contains(err.Error(), "timeout"):
			refused++
		default:
			t.Fatalf("got %q, %v", line, err)
		}
	}
	if served == 0 || refused == 0 {
		t.Errorf("%d were served and %d refused, want some of both", served, refused)
	}
	t.Logf("%d were served and %d refused", served, refused)
}

// TestDownloadsCannotTakeTheLastDescriptors: each has a file open beside its
// connection.
func TestDownloadsCannotTakeTheLastDescriptors(t *testing.T) {
	p := newPlace(t)
	root := filepath.Join(p.dir, "public")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "large"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(root, "large"), 1<<30); err != nil {
		t.Fatal(err)
	}
	p.write(fmt.Sprintf("version: 1\nlisteners:\n  web: {address: %q, routes: [{match: /, files: {root: %q}}]}\n", p.address, root))
	p.serveUnder("ulimit -n 160")
	statuses := map[string]int{}
	var clients []net.Conn
	for range 100 {
		c, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		clients = append(clients, c)
	}
	p.await("all of them to be let in", func() bool { return p.web().Connections.Total == 100 })
	for _, c := range clients {
		fmt.Fprintf(c, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
		c.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, _ := bufio.NewReaderSize(c, 64).ReadString('\n')
		statuses[strings.TrimSpace(line)]++
	}
	if statuses["HTTP/1.1 200 OK"] == 0 || statuses["HTTP/1.1 503 Service Unavailable"] == 0 {
		t.Errorf("got %v, want 200 and 503", statuses)
	}
	p.must("set", "listeners.web.timeouts.idle", "7s")
	p.awaitProblem(problems.DescriptorsScarce)
}
