//go:build linux

package prefork_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// accepted is a connection that this process has accepted, and its client.
func accepted(t *testing.T) (here net.Conn, client net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if client, err = net.Dial("tcp", ln.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if here, err = ln.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); client.Close() })
	client.SetDeadline(time.Now().Add(10 * time.Second))
	return here, client
}

// give hands over and closes what it has of it, as a giver must.
func (r *rig) give(c net.Conn, about string) <-chan error {
	done := make(chan error, 1)
	r.SendConn(c, []byte(about), func(err error) {
		if err == nil {
			c.Close()
		}
		done <- err
	})
	return done
}

func answeredBy(t *testing.T, client net.Conn) string {
	t.Helper()
	line, err := bufio.NewReader(client).ReadString('\n')
	if err != nil {
		t.Errorf("no answer: %v", err)
	}
	return strings.TrimSpace(line)
}

func TestConnectionsAreGivenToAWorkerThatTakesThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(2)
	for range 4 { // whoever is asked first
		here, client := accepted(t)
		fmt.Fprintln(client, "hello") // waits to be read by whoever gets it
		if err := <-r.give(here, "refuse 0"); err != nil {
			t.Fatal(err)
		}
		if got := answeredBy(t, client); !strings.HasPrefix(got, fmt.Sprint(r.ready()[1].PID)) {
			t.Errorf("answered by %q, want worker 1, %d", got, r.ready()[1].PID)
		}
	}
	here, client := accepted(t)
	if err := <-r.give(here, "refuse"); err == nil {
		t.Error("taken, though everybody refused it")
	}
	fmt.Fprintln(client, "hello")
	if got, err := bufio.NewReader(here).ReadString('\n'); err != nil || got != "hello\n" {
		t.Errorf("what was refused is of no use any more: %q, %v", got, err)
	}
}

// A worker that is asked and does not answer may die, or the master be frozen
// meanwhile: one worker has the connection in the end.
func TestConnectionsOnTheirWaySurviveAFreezeAndADeath(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(1)
	only := r.ready()[0].PID
	stop(t, only)
	here, client := accepted(t)
	fmt.Fprintln(client, "hello")
	done := r.give(here, "of mine")
	f, err := r.Freeze(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	calls := false
	for _, q := range f.Workers[0].Open {
		calls = calls || string(q.About) == "of mine" && q.Conn >= 0
	}
	if !calls {
		t.Errorf("the successor would not know of the connection: %+v", f.Workers[0].Open)
	}
	r.Thaw(f)
	select {
	case err := <-done:
		t.Fatalf("done, %v, while the worker stands still", err)
	default:
	}
	if err := r.Resize(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	signalTo(t, only, syscall.SIGKILL)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := answeredBy(t, client); strings.HasPrefix(got, fmt.Sprint(only, " ")) || got == "" {
		t.Errorf("answered by %q, want the worker that lives", got)
	}
}
