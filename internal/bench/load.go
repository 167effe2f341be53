//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
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
	{name: "respond over HTTP/3, 16 × 16 streams", kind: "http3", path: "/hello", tool: "http3", tls: true, args: []string{"16", "16"}},
}

// requests were answered, and how.
var answered = map[string]*regexp.Regexp{
	"wrk":    regexp.MustCompile(`(\d+) requests in`),
	"h2load": regexp.MustCompile(`(\d+) succeeded`),
	"http3":  regexp.MustCompile(`"Succeeded":(\d+)`),
}

var failures = map[string]*regexp.Regexp{
	"wrk":    regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`),
	"h2load": regexp.MustCompile(`[^0] failed`),
	"http3":  regexp.MustCompile(`"Failed":[^0]`),
}

// load runs a trial against a server and gives the CPU time per request.
func (t trial) load(ctx context.Context, s *server, d time.Duration) (time.Duration, error) {
	url := fmt.Sprintf("http://127.0.0.1:%d%s", s.clear, t.path)
	if t.tls {
		url = fmt.Sprintf("https://127.0.0.1:%d%s", s.tls, t.path)
	}
	seconds := max(1, int(d.Seconds()))
	args := []string{"-c", loadCore, t.tool, "-t1"}
	switch t.tool {
	case "wrk":
		args = append(append(args, fmt.Sprintf("-d%d", seconds), "--timeout", "10s"), append(t.args, url)...)
	case "h2load":
		args = append(append(args, fmt.Sprintf("-D%d", seconds)), append(t.args, url)...)
	case "http3":
		self, err := os.Executable()
		if err != nil {
			return 0, err
		}
		args = append([]string{"-c", loadCore, self, http3Word, url}, append(t.args, strconv.Itoa(seconds))...)
	}
	return t.cost(ctx, s, d, args)
}

// cost runs the load and gives the CPU time per request.
func (t trial) cost(ctx context.Context, s *server, d time.Duration, args []string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, d+30*time.Second)
	defer cancel()
	before := s.cpu()
	out, err := exec.CommandContext(ctx, "taskset", args...).CombinedOutput()
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

// window is a short trial of a fixed number of requests.
func (s *server) window(ctx context.Context) (time.Duration, error) {
	t := trial{name: "a window of respond", tool: "h2load"}
	return t.cost(ctx, s, time.Second, []string{"-c", loadCore, "h2load", "--h1", "-t1", "-c64", "-n10000",
		fmt.Sprintf("http://127.0.0.1:%d/hello", s.clear)})
}

// idle gives the CPU time per second of a server that nobody asks anything.
func (s *server) idle(ctx context.Context) (time.Duration, error) {
	const stretch = 10 * time.Second
	before, began := s.cpu(), time.Now()
	select {
	case <-time.After(stretch):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	return time.Duration(float64(s.cpu()-before) / time.Since(began).Seconds()), nil
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

func (p *peer) has(t trial) bool { return !strings.Contains(p.lacks, t.kind) }
