//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
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

// serveUnder starts a headless runtime under limits of the shell's ulimit.
func (p *place) serveUnder(limits string) {
	p.t.Helper()
	cmd := p.command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "ulimit " + limits + ` && exec "$0" "$@"`, binary, "serve", "-c", p.config}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
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
}

func TestClientsCannotTakeTheLastDescriptors(t *testing.T) {
	for name, text := range map[string]string{"in the master": inMaster, "in workers": fourWorkers} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write(fmt.Sprintf(text, p.address))
			p.serveUnder("-n 160")
			if out := p.must("events"); text == inMaster && !strings.Contains(out, "limit of 160 descriptors") {
				t.Errorf("nothing warns that 10,000 connections exceed 160 descriptors:\n%s", out)
			}
			hold(t, p.address, 900)
			p.awaitProblem(problems.RefusingDescriptors)
			p.awaitProblem(problems.DescriptorsScarce)
			p.await("an event that tells of it", func() bool { return strings.Contains(p.must("events"), "no descriptors left") })
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
