//go:build unix

package examples_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var programs string // the folder with the built examples

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	if out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// running is an example that was started.
type running struct {
	cmd  *exec.Cmd
	log  *output
	addr string
}

// output collects what a program prints.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs an example on a free port and waits until it says where it serves.
func start(t *testing.T, name string, args ...string) *running {
	t.Helper()
	r := &running{log: &output{}}
	r.cmd = exec.Command(filepath.Join(programs, name), append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	r.cmd.Stdout, r.cmd.Stderr = r.log, r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(t) })
	eventually(t, name+" serves", func() bool {
		_, rest, found := strings.Cut(r.log.String(), `serving on `)
		addr, _, line := strings.Cut(strings.ReplaceAll(rest, `"`, " "), " ")
		r.addr = addr
		return found && line
	}, r.log)
	return r
}

// end stops the program as an operator would, and wants it to end well.
func (r *running) end(t *testing.T) {
	t.Helper()
	if r.cmd.ProcessState != nil {
		return
	}
	r.cmd.Process.Signal(syscall.SIGTERM)
	watchdog := time.AfterFunc(20*time.Second, func() { r.cmd.Process.Kill() })
	defer watchdog.Stop()
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("%s after SIGTERM: %v\n%s", r.cmd.Path, err, r.log)
	}
}

func eventually(t *testing.T, what string, ok func() bool, log fmt.Stringer) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("did not come true: %s\n%s", what, log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// get asks on a connection of its own.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(all)
}

func TestCompleteServesFromItsWorkers(t *testing.T) {
	r := start(t, "complete", "-workers", "3")
	if status, body := get(t, "http://"+r.addr); status != 200 || body != "Hello, World!" {
		t.Errorf("got %d %q", status, body)
	}
	pids := map[string]bool{}
	eventually(t, "all three workers answer", func() bool {
		_, pid := get(t, "http://"+r.addr+"/pid")
		pids[pid] = true
		return len(pids) == 3
	}, r.log)
	if pids[fmt.Sprint(r.cmd.Process.Pid)] {
		t.Error("the master answered, not a worker")
	}
}

func TestCompleteIsReplacedWithoutItsOldWorkersStaying(t *testing.T) {
	r := start(t, "complete", "-workers", "2")
	_, pid := get(t, "http://"+r.addr+"/pid")
	r.end(t)
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the port still accepts after the end")
	}
	var worker int
	fmt.Sscan(pid, &worker)
	if err := syscall.Kill(worker, 0); err == nil {
		t.Errorf("worker %d outlived its master", worker)
	}
}

func TestMonitoringCountsAllWorkers(t *testing.T) {
	r := start(t, "monitoring", "-workers", "2")
	const open = 6
	for range open {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /stats/connections HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 4 { // whichever worker answers
		eventually(t, "the answer counts the connections of both workers", func() bool {
			var s struct {
				Active int `json:"active_connections"`
				Total  int `json:"total_connections"`
				Idle   int `json:"idle_connections"`
			}
			_, body := get(t, "http://"+r.addr+"/stats/connections")
			if err := json.Unmarshal([]byte(body), &s); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			return s.Idle >= open && s.Total > open && s.Active >= 1
		}, r.log)
	}
}

func TestRateLimitedKeepsToItsRate(t *testing.T) {
	r := start(t, "ratelimited", "-rate", "10")
	began := time.Now()
	for range 20 { // ten at once, the others at ten a second
		if status, body := get(t, "http://"+r.addr); status != 200 || body != "Hello, World!" {
			t.Fatalf("got %d %q", status, body)
		}
	}
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("20 connections took %v, at 10 per second", took)
	}
	r.end(t) // also who serves without App.Start drains at a signal
}

func TestClientsAskTheirBackend(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		switch {
		case q.URL.Path == "/users" && q.Header.Get("Accept") != "application/json":
			w.WriteHeader(http.StatusNotAcceptable)
		case q.URL.Path == "/users":
			fmt.Fprint(w, `["ann"]`)
		default:
			fmt.Fprint(w, "this is "+q.URL.Path)
		}
	}))
	defer backend.Close()
	r := start(t, "clients", "-backend", backend.URL)
	if status, body := get(t, "http://"+r.addr+"/users"); status != 200 || body != `["ann"]` {
		t.Errorf("by the network client: %d %q", status, body)
	}
	for _, id := range []string{"7", "8"} {
		if status, body := get(t, "http://"+r.addr+"/users/"+id); status != 200 || body != "this is /users/"+id {
			t.Errorf("by the pool: %d %q", status, body)
		}
	}
	if _, body := get(t, "http://"+r.addr+"/pool"); !strings.Contains(body, `"TotalConnections":1,"ActiveConnections":0,"IdleConnections":1`) {
		t.Errorf("the pool counts %s", body)
	}
}

// freeAddr is an address that was free a moment ago.
func freeAddr(t *testing.T) string {
	t.Helper()
	// Below the ports that the system gives to clients, or one of them could take it.
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// answers reports whether a server answers on addr.
func answers(addr string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
