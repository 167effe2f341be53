//go:build unix

package prefork_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

func TestWorkersAreRecycledOneAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) {
		c.Requests = func(memory []byte) uint64 { return countsOf(memory).Served.Load() }
		c.Recycle.Requests = 100
	})
	r.resize(2)
	before := r.ready()
	for range 8 { // longer than it takes until the next worker is looked at
		go ask(r.sockets.addr, "hold 2500ms")
	}
	l := startLoad(r.sockets.addr, 4)
	until(t, "both are replaced", func() bool {
		w := r.ready()
		return len(w) == 2 && w[0].PID != before[0].PID && w[1].PID != before[1].PID
	})
	r.SetRecycle(prefork.Recycle{})
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	drainSent, replacing := 0, 0
	for _, e := range r.drainSent() {
		switch {
		case strings.Contains(e.Message, "recycled: ") && strings.Contains(e.Message, " requests, limit 100 give or take a tenth"):
			drainSent++
		case e.State == prefork.Draining:
			replacing++
		case e.State == prefork.Exited:
			replacing--
		}
		if replacing > 1 {
			t.Errorf("at %q, %d workers drain at the same time", e.Message, replacing)
		}
	}
	if drainSent < 2 {
		t.Errorf("%d recycled workers were told of, want two or more", drainSent)
	}
}

func TestWorkersAreRecycledForAgeAndMemory(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*prefork.Config){
		"s old, limit 500ms give or take a tenth": func(c *prefork.Config) { c.Recycle.Age = 500 * time.Millisecond },
		"123,456,789 bytes resident, limit 1,000": func(c *prefork.Config) { c.Recycle.Memory = 1000 },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *prefork.Config) {
				c.Resident = func(int) uint64 { return 123_456_789 }
				change(c)
			})
			r.resize(1)
			old := r.ready()[0].PID
			until(t, "it is replaced", func() bool { w := r.ready(); return len(w) == 1 && w[0].PID != old })
			until(t, "it is told why", func() bool {
				return slices.ContainsFunc(r.drainSent(), func(e prefork.Event) bool {
					return strings.Contains(e.Message, "recycled: ") && strings.Contains(e.Message, want)
				})
			})
		})
	}
}

// A recycled worker that cannot be replaced goes on, and is not tried again at once.
func TestRecycledWorkerGoesOnWhenItsSuccessorCannotStart(t *testing.T) {
	t.Parallel()
	flag := t.TempDir() + "/crash"
	r := newRig(t, func(c *prefork.Config) { c.Settings = orders{Version: "a", CrashWhile: flag}.bytes() })
	r.resize(2)
	before := r.ready()
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.SetRecycle(prefork.Recycle{Age: time.Nanosecond})
	tried := func() (n int) {
		for _, e := range r.drainSent() {
			if strings.Contains(e.Message, "worker 1 (") && strings.Contains(e.Message, "keeps running because it cannot be replaced") {
				n++
			}
		}
		return n
	}
	until(t, "it was tried", func() bool { return tried() > 0 })
	time.Sleep(1500 * time.Millisecond) // one more look or two
	if n := tried(); n != 1 {
		t.Errorf("it was tried %d times, want once", n)
	}
	if w := r.ready(); len(w) != 2 || w[1] != before[1] {
		t.Errorf("workers are %+v, want %+v among them", w, before[1])
	}
}
