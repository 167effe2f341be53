package control_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// raw opens a connection and sends one HTTP/1.1 request, as curl would.
func raw(t *testing.T, path, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(deadline))
	if _, err := io.WriteString(c, request+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWatchOverHTTP1HasALinePerSnapshot(t *testing.T) {
	path := socketPath(t)
	stop := serve(t, path, control.Handler(busy(), as(control.RoleAdmin)))
	c := raw(t, path, "GET /v1/watch?interval=100ms&history=2&look=") // of everything
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Fatalf("answer %+v, %v", resp, err)
	}
	lines := bufio.NewReader(resp.Body)
	for range 3 {
		line, err := lines.ReadString('\n')
		var s control.Snapshot
		if err != nil || json.Unmarshal([]byte(line), &s) != nil || s.Generation != 7 || len(s.Listeners[1].History) != 2 {
			t.Fatalf("line %q, %v", line[:min(100, len(line))], err)
		}
	}
	go stop()
	rest, err := io.ReadAll(lines)
	if err != nil || !strings.Contains(string(rest), `{"error":{"code":"unavailable"`) {
		t.Errorf("the stream ended with %v and %q, want a last line that says why", err, rest[max(0, len(rest)-200):])
	}
}

func TestConnectionIsUsedAgainAfterAnError(t *testing.T) {
	path := socketPath(t)
	serve(t, path, control.Handler(busy(), as(control.RoleViewer)))
	c := raw(t, path, "GET /v1/watch?interval=never")
	in := bufio.NewReader(c)
	for _, want := range []int{400, 200} {
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("answer %+v, %v; want %d", resp, err, want)
		}
		io.Copy(io.Discard, resp.Body)
		io.WriteString(c, "GET /v1/snapshot HTTP/1.1\r\nHost: x\r\n\r\n")
	}
}

// Those who leave, politely or not, are no news for the log.
func TestLeavingIsNotLogged(t *testing.T) {
	path := socketPath(t)
	var log bytes.Buffer
	opts := as(control.RoleAdmin)
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	stop := serve(t, path, control.Handler(busy(), opts))
	c := dial(t, path)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		c.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(*control.Snapshot) { cancel() })
		half := raw(t, path, "GET /v1/watch?interval=100ms")
		half.Read(make([]byte, 1))
		half.Close()
	}
	c.Close()
	stop() // waits for those who were served
	if log.Len() > 0 {
		t.Errorf("the log has: %s", log.String()[:min(log.Len(), 500)])
	}
}

// patient applies only when it is allowed to.
type patient struct {
	*controltest.Fake
	applying, go_ chan struct{}
}

func (p patient) Apply(ctx context.Context, c control.Change) (*control.Result, error) {
	close(p.applying)
	<-p.go_
	return p.Fake.Apply(ctx, c)
}

func TestEndOfServeLetsAChangeFinish(t *testing.T) {
	path := socketPath(t)
	p := patient{busy(), make(chan struct{}), make(chan struct{})}
	stop := serve(t, path, control.Handler(p, as(control.RoleAdmin)))
	c := dial(t, path)
	watched := make(chan error, 1)
	first := make(chan struct{})
	seen := sync.OnceFunc(func() { close(first) })
	go func() {
		watched <- c.Watch(t.Context(), control.WatchOptions{Interval: time.Hour}, func(*control.Snapshot) { seen() })
	}()
	within(t, "first snapshot", first)
	applied := make(chan error, 1)
	go func() {
		_, err := c.Apply(t.Context(), setIdle("9s"))
		applied <- err
	}()
	within(t, "the change to arrive", p.applying)
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	wantText(t, <-watched, control.ErrUnavailable, "ended") // while the change is still under way
	close(p.go_)
	if err := <-applied; err != nil {
		t.Errorf("the change under way ended with %v", err)
	}
	within(t, "end of Serve", stopped)
}

func TestServeEndsWithItsListener(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if err := control.Serve(t.Context(), ln, http.NotFoundHandler()); err == nil {
		t.Error("Serve on a closed listener ended without an error")
	}
}

// Someone whose terminal is suspended must not cost the others anything.
func TestStuckReaderStallsNobodyAndPilesNothingUp(t *testing.T) {
	s := controltest.Scene("busy")
	s.Listeners = s.Listeners[:1]
	h := make([]control.Point, 3600) // 100 KB a line, so that the third does not fit into the socket
	for i := range h {
		h[i] = control.Point{Requests: 1000, Connections: 100}
	}
	s.Listeners[0].History = h
	path, f := socketPath(t), controltest.NewFake(s)
	serve(t, path, control.Handler(f, as(control.RoleAdmin)))
	stuck := raw(t, path, "GET /v1/watch?interval=100ms&history=3600")
	if _, err := stuck.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	var watchers, halfway, end sync.WaitGroup
	defer watchers.Wait()
	defer cancel()
	const steps = 8
	for range 99 {
		c := dial(t, path)
		halfway.Add(1)
		end.Add(1)
		watchers.Go(func() {
			c.Watch(ctx, control.WatchOptions{Interval: time.Hour}, awaiting(s.Time, steps, halfway.Done, end.Done))
		})
	}
	leader := dial(t, path)
	advance(t, leader, f, steps)
	within(t, "99 watchers beside a stuck one", waited(&halfway))
	before := heap()
	advance(t, leader, f, steps)
	within(t, "99 watchers beside a stuck one, again", waited(&end))
	if grown := int64(heap()) - int64(before); grown > 4<<20 {
		t.Errorf("memory has grown by %d bytes in %d steps", grown, steps)
	}
}

// awaiting calls each function when so many more steps were seen.
func awaiting(from time.Time, steps int, reached ...func()) func(*control.Snapshot) {
	next := from.Add(time.Duration(steps) * time.Second)
	return func(s *control.Snapshot) {
		if len(reached) > 0 && !s.Time.Before(next) {
			reached[0]()
			reached, next = reached[1:], next.Add(time.Duration(steps)*time.Second)
		}
	}
}

func waited(g *sync.WaitGroup) <-chan struct{} {
	done := make(chan struct{})
	go func() { g.Wait(); close(done) }()
	return done
}

func heap() uint64 {
	goruntime.GC()
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.HeapAlloc
}
