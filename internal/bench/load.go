//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// trial is one way to put load on a server.
type trial struct {
	name string
	// kind is what a peer may lack.
	kind string
	path string
	// tool is wrk or h2load.
	tool string
	tls  bool
	args []string
}

var trials = []trial{
	{name: "respond, 64 connections", kind: "respond", path: "/hello", tool: "wrk", args: []string{"-c64"}},
	{name: "respond, 1000 connections", kind: "respond", path: "/hello", tool: "wrk", args: []string{"-c1000"}},
	{name: "respond, a connection per request", kind: "respond", path: "/hello", tool: "wrk", args: []string{"-c64", "-H", "Connection: close"}},
	{name: "file of 1 KiB, 64 connections", kind: "file", path: "/files/1k", tool: "wrk", args: []string{"-c64"}},
	{name: "file of 100 KiB, 16 connections", kind: "file", path: "/files/100k", tool: "wrk", args: []string{"-c16"}},
	{name: "file of 10 MiB, 4 connections", kind: "file", path: "/files/10m", tool: "wrk", args: []string{"-c4"}},
	{name: "proxy, 64 connections", kind: "proxy", path: "/proxy", tool: "wrk", args: []string{"-c64"}},
	{name: "respond over TLS, 64 connections", kind: "respond", path: "/hello", tool: "wrk", tls: true, args: []string{"-c64"}},
	{name: "respond over HTTP/2, 16 × 32 streams", kind: "respond", path: "/hello", tool: "h2load", tls: true, args: []string{"-c16", "-m32"}},
}

// requests were answered, and how.
var answered = map[string]*regexp.Regexp{
	"wrk":    regexp.MustCompile(`(\d+) requests in`),
	"h2load": regexp.MustCompile(`(\d+) succeeded`),
}

var failures = map[string]*regexp.Regexp{
	"wrk":    regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`),
	"h2load": regexp.MustCompile(`[^0] failed`),
}

// load runs a trial against a server and gives the CPU time per request.
func (t trial) load(ctx context.Context, s *server, d time.Duration) (time.Duration, error) {
	url := fmt.Sprintf("http://127.0.0.1:%d%s", s.clear, t.path)
	if t.tls {
		url = fmt.Sprintf("https://127.0.0.1:%d%s", s.tls, t.path)
	}
	args := []string{"-c", loadCore, t.tool, "-t1"}
	if t.tool == "wrk" {
		args = append(args, fmt.Sprintf("-d%ds", max(1, int(d.Seconds()))), "--timeout", "10s")
	} else {
		args = append(args, fmt.Sprintf("-D%d", max(1, int(d.Seconds()))))
	}
	ctx, cancel := context.WithTimeout(ctx, d+30*time.Second)
	defer cancel()
	before := s.cpu()
	out, err := exec.CommandContext(ctx, "taskset", append(append(args, t.args...), url)...).CombinedOutput()
	spent := s.cpu() - before
	if err != nil {
		return 0, fmt.Errorf("%s of %s: %w\n%s", t.name, s.name, err, out)
	}
	n := 0.0
	if m := answered[t.tool].FindSubmatch(out); m != nil {
		n, _ = strconv.ParseFloat(string(m[1]), 64)
	}
	if n == 0 || failures[t.tool].Match(out) {
		return 0, fmt.Errorf("%s of %s failed:\n%s", t.name, s.name, out)
	}
	return time.Duration(float64(spent) / n), nil
}

// hold opens n connections, each of which sends one request, and gives the KiB
// a connection costs once all are idle, and the whole.
func (s *server) hold(ctx context.Context, n int) (perConn, whole float64, err error) {
	if _, err := s.one(); err != nil {
		return 0, 0, err
	}
	before := s.memory()
	conns := make([]net.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range n {
		c, err := s.one()
		if err != nil {
			return 0, 0, fmt.Errorf("%d idle connections of %s: %w", len(conns), s.name, err)
		}
		conns = append(conns, c)
	}
	select {
	case <-time.After(settle):
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	whole = s.memory()
	return (whole - before) / float64(n), whole, nil
}

// settle is what connections get to give up what they do not need while idle.
const settle = 10 * time.Second

func (s *server) one() (net.Conn, error) {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.clear))
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	io.WriteString(c, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 512), nil)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// watch attaches what a person would, until stop is called.
func (s *server) watch(ctx context.Context) (stop func(), err error) {
	cmd := exec.CommandContext(ctx, "taskset", "-c", loadCore, s.path, "status", "-w", "--json", "--socket", "control.sock")
	cmd.Dir = s.dir
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := bufio.NewReader(out)
	if _, err := r.ReadString('\n'); err != nil {
		cmd.Wait()
		return nil, fmt.Errorf("watch: %w", err)
	}
	go io.Copy(io.Discard, r)
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}, nil
}

func (p *peer) has(t trial) bool { return !strings.Contains(p.lacks, t.kind) || p.lacks == "" }
