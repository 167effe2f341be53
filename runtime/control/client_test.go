package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

const deadline = 15 * time.Second

// serve serves h on a new socket until stop is called.
func serve(t *testing.T, path string, h http.Handler) (stop func()) {
	t.Helper()
	ln, err := socket.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, ln, h)
}

func serveOn(t *testing.T, ln net.Listener, h http.Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- control.Serve(ctx, ln, h) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// dial returns a client that lets go of its connection before the servers of
// the test end.
func dial(t *testing.T, path string) *control.Client {
	c := control.Dial(path)
	t.Cleanup(func() { c.Close() })
	return c
}

func socketPath(t *testing.T) string { return filepath.Join(t.TempDir(), "c.sock") }

func within(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(deadline):
		t.Fatalf("%s: not within %v", what, deadline)
	}
}

func wantText(t *testing.T, err, kind error, words ...string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("error is %v, want %v", err, kind)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
}

func setIdle(value string) control.Change {
	return control.Change{Patch: config.Patch{{Path: "listeners.web.timeouts.idle", Value: value}}, Actor: "alice"}
}

func TestPeerIsTheProcessThatConnects(t *testing.T) {
	path, f := socketPath(t), busy()
	peers := make(chan socket.Peer, 10)
	serve(t, path, control.Handler(f, control.HandlerOptions{Role: func(p socket.Peer) string {
		peers <- p
		return control.DefaultRole(p)
	}}))
	if _, err := dial(t, path).Apply(t.Context(), setIdle("9s")); err != nil {
		t.Fatal(err)
	}
	p := <-peers
	if control.DefaultRole(socket.Peer{UID: -1}) != "" {
		t.Skip("this system does not tell who connects")
	}
	if p.UID != os.Getuid() || p.GID != os.Getgid() || p.PID != os.Getpid() {
		t.Errorf("peer is %+v, want uid %d, gid %d, pid %d", p, os.Getuid(), os.Getgid(), os.Getpid())
	}
	if got, want := f.Changes()[0].Actor, fmt.Sprintf("alice (uid %d", p.UID); !strings.HasPrefix(got, want) {
		t.Errorf("actor is %q, want it to begin with %q", got, want)
	}
}

func TestTwoClientsSeeEachOther(t *testing.T) {
	path := socketPath(t)
	serve(t, path, control.Handler(busy(), as(control.RoleAdmin)))
	one, two := dial(t, path), dial(t, path)
	s, err := one.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	change := setIdle("11s")
	change.Base = s.Generation
	if _, err := two.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	_, err = one.Apply(t.Context(), change)
	wantText(t, err, control.ErrConflict, "generation")
	if s, err = one.Snapshot(t.Context()); err != nil || s.Listeners[1].Timeouts.Idle != "11s" {
		t.Errorf("the first sees idle %s, %v; want 11s", s.Listeners[1].Timeouts.Idle, err)
	}
}

func TestVersion(t *testing.T) {
	path := socketPath(t)
	serve(t, path, control.Handler(busy(), as(control.RoleViewer)))
	v, err := dial(t, path).Version(t.Context())
	if err != nil || *v != (control.Version{Version: "v1.2.3", APIMin: 1, APIMax: 1}) {
		t.Errorf("version is %+v, %v", v, err)
	}
}

func TestReadOnlyClientChangesNothing(t *testing.T) {
	path, f := socketPath(t), busy()
	serve(t, path, control.Handler(f, as(control.RoleAdmin)))
	admin := dial(t, path)
	viewer := admin.ReadOnly()
	_, err := viewer.Apply(t.Context(), setIdle("9s"))
	wantText(t, err, control.ErrDenied)
	_, err = viewer.Act(t.Context(), control.Action{Kind: control.Shutdown})
	wantText(t, err, control.ErrDenied)
	if s, err := viewer.Snapshot(t.Context()); err != nil || s.Role != control.RoleViewer {
		t.Errorf("snapshot has role %q, %v; want viewer", s.Role, err)
	}
	if _, err := admin.Apply(t.Context(), setIdle("9s")); err != nil {
		t.Errorf("the client it was made from: %v", err)
	}
}

func TestOneConnectionCarriesEverything(t *testing.T) {
	path := socketPath(t)
	serve(t, path, control.Handler(busy(), as(control.RoleAdmin)))
	var dials atomic.Int32
	c := control.NewClient(func(ctx context.Context) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, "unix", path)
	})
	defer c.Close()
	if n := dials.Load(); n != 0 {
		t.Errorf("%d connections before the first call, want none", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	var calls, watching sync.WaitGroup
	for range 3 {
		watching.Add(1)
		first := sync.OnceFunc(watching.Done)
		calls.Go(func() {
			c.Watch(ctx, control.WatchOptions{Interval: time.Hour}, func(*control.Snapshot) { first() })
		})
	}
	var reading sync.WaitGroup
	for range 20 {
		reading.Go(func() {
			if _, err := c.Snapshot(ctx); err != nil {
				t.Errorf("Snapshot: %v", err)
			}
		})
	}
	reading.Wait()
	watching.Wait()
	cancel()
	calls.Wait()
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestNobodyThereIsSaidWithTheCure(t *testing.T) {
	path := socketPath(t)
	c := dial(t, path)
	_, err := c.Snapshot(t.Context())
	wantText(t, err, control.ErrUnavailable, path, "rockstar-tui serve", "there is no")

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	_, err = c.Apply(t.Context(), control.Change{})
	wantText(t, err, control.ErrUnavailable, path, "rockstar-tui serve", "nothing listens")

	err = c.Watch(t.Context(), control.WatchOptions{}, func(*control.Snapshot) {})
	wantText(t, err, control.ErrUnavailable, path)
}

func TestAnothersSocketIsDenied(t *testing.T) {
	c := control.NewClient(func(context.Context) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", fs.ErrPermission)}
	})
	_, err := c.Snapshot(t.Context())
	wantText(t, err, control.ErrDenied, "another user")
}

func TestDialHasTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := control.NewClient(func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		began := time.Now()
		_, err := c.Snapshot(t.Context())
		wantText(t, err, control.ErrUnavailable)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("gave up after %v, want 2s", took)
		}
	})
}

func TestCallsKeepTheirDeadline(t *testing.T) {
	path := socketPath(t)
	hang := make(chan struct{})
	serve(t, path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer close(hang)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	c := dial(t, path)
	if _, err := c.Snapshot(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Snapshot ended with %v, want %v", err, context.DeadlineExceeded)
	}
	if err := c.Watch(ctx, control.WatchOptions{}, func(*control.Snapshot) {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Watch ended with %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestErrorsKeepTheirMeaningOnTheWire(t *testing.T) {
	path, f := socketPath(t), busy()
	serve(t, path, control.Handler(f, as(control.RoleAdmin)))
	c := dial(t, path)
	want := &control.Error{Code: control.CodeRefused, Message: "port 80 is in use; 4 workers keep running",
		Details: []control.Detail{{Path: "listeners.web.address", File: "/etc/x.yaml", Line: 4, Column: 7, Message: "in use", Hint: "another port"}}}
	f.Refuse(want)
	_, err := c.Apply(t.Context(), control.Change{})
	var got *control.Error
	if !errors.As(err, &got) || got.Message != want.Message || len(got.Details) != 1 || !reflect.DeepEqual(got.Details[0], want.Details[0]) {
		t.Errorf("error is %+v, want %+v", got, want)
	}
	wantText(t, err, control.ErrRefused)
}

func TestClientOutlivesTheRuntime(t *testing.T) {
	path := socketPath(t)
	stop := serve(t, path, control.Handler(busy(), as(control.RoleAdmin)))
	c := dial(t, path)
	ended, first := make(chan error, 1), make(chan struct{})
	once := sync.OnceFunc(func() { close(first) })
	go func() {
		ended <- c.Watch(t.Context(), control.WatchOptions{Interval: time.Hour}, func(*control.Snapshot) { once() })
	}()
	within(t, "first snapshot", first)
	stop()
	wantText(t, <-ended, control.ErrUnavailable, "ended")
	_, err := c.Snapshot(t.Context())
	wantText(t, err, control.ErrUnavailable, path)
	serve(t, path, control.Handler(busy(), as(control.RoleAdmin)))
	if _, err := c.Snapshot(t.Context()); err != nil {
		t.Errorf("after a restart of the runtime: %v", err)
	}
}

// A cut link is not the same as a server that says goodbye.
func TestWatchEndsWhenTheLinkIsCut(t *testing.T) {
	path := socketPath(t)
	serve(t, path, control.Handler(busy(), as(control.RoleAdmin)))
	conns := make(chan net.Conn, 1)
	c := control.NewClient(func(ctx context.Context) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err == nil {
			conns <- conn
		}
		return conn, err
	})
	err := c.Watch(t.Context(), control.WatchOptions{Interval: time.Hour}, func(*control.Snapshot) { (<-conns).Close() })
	wantText(t, err, control.ErrUnavailable, "lost")
}

func TestHostileAnswers(t *testing.T) {
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<20)); err != nil {
				return
			}
		}
	}
	text := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		code   string
	}{
		{"not JSON", text(200, "<html>"), control.CodeUnavailable},
		{"wrong types", text(200, `{"revision":"seven"}`+"\n"), control.CodeUnavailable},
		{"nothing", text(200, ""), control.CodeUnavailable},
		{"half a line", text(200, `{"revision":`), control.CodeUnavailable},
		{"deep", text(200, strings.Repeat(`{"config":`, 20000)+"\n"), control.CodeUnavailable},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
		}, control.CodeUnavailable},
		{"an error without one", text(500, `{"error":null}`), control.CodeUnavailable},
		{"an unknown code", text(500, `{"error":{"code":"\u001b[2J","message":"a\u001b]0;b\u0007\nc"}}`), control.CodeInternal},
		{"broken off", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, control.CodeUnavailable},
		{"endless", endless, control.CodeUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := socketPath(t)
			serve(t, path, c.answer)
			client := dial(t, path)
			client.Bind(4 << 20)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			_, err1 := client.Snapshot(ctx)
			err2 := client.Watch(ctx, control.WatchOptions{}, func(s *control.Snapshot) { t.Errorf("shown %+v", s) })
			for _, err := range []error{err1, err2} {
				var e *control.Error
				if !errors.As(err, &e) || e.Code != c.code || strings.ContainsAny(e.Message, "\x1b\a\n") {
					t.Errorf("error is %q, want a printable one with code %s", err, c.code)
				}
			}
		})
	}
}

func TestWatchLineMayBeAnError(t *testing.T) {
	_, err := control.DecodeLine([]byte(`{"error":{"code":"unavailable","message":"shut\u001b down"}}`))
	wantText(t, err, control.ErrUnavailable, "shut\\x1b down")
	s, err := control.DecodeLine([]byte(`{"revision":4,"config":{"error":{"code":"invalid"}},"new_field":1}`))
	if err != nil || s.Generation != 4 || s.Config.Error.Code != control.CodeInvalid {
		t.Errorf("a snapshot with a config error is %+v, %v", s, err)
	}
}

// A client that did not read for a while is shown the newest, not the past.
func TestSlowClientSeesTheNewest(t *testing.T) {
	path, f := socketPath(t), busy()
	serve(t, path, control.Handler(f, as(control.RoleAdmin)))
	c, other := dial(t, path), dial(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stuck, release := make(chan struct{}), make(chan struct{})
	var seen []time.Time
	ended := make(chan struct{})
	const steps = 30
	last := controltest.Scene("busy").Time.Add(steps * time.Second)
	go func() {
		defer close(ended)
		c.Watch(ctx, control.WatchOptions{Interval: time.Hour}, func(s *control.Snapshot) {
			if seen = append(seen, s.Time); len(seen) == 1 {
				close(stuck)
				<-release
			}
			if s.Time.Equal(last) {
				cancel()
			}
		})
	}()
	within(t, "first snapshot", stuck)
	advance(t, other, f, steps)
	close(release)
	within(t, "newest snapshot", ended)
	if len(seen) > steps/3 {
		t.Errorf("was shown %d states of %d, want the first and the newest", len(seen), steps+1)
	}
}

// advance steps f so many times, each time when c has seen the step before.
func advance(t *testing.T, c *control.Client, f *controltest.Fake, steps int) {
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	next := controltest.Scene("busy").Time
	if s, err := c.Snapshot(ctx); err == nil {
		next = s.Time
	}
	last := next.Add(time.Duration(steps) * time.Second)
	c.Watch(ctx, control.WatchOptions{Interval: time.Hour}, func(s *control.Snapshot) {
		if s.Time.Equal(last) {
			cancel()
		} else if s.Time.Equal(next) {
			next = next.Add(time.Second)
			f.Step()
		}
	})
	if !next.Equal(last) {
		t.Fatalf("only came to %v, want %v", next, last)
	}
}
