//go:build unix

package prefork_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

func TestCrashLoopIsCountedAndBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *prefork.Config) { c.Backoff = prefork.Backoff{First: 50 * time.Millisecond} })
	r.resize(2)
	end := loopWorker1(t, r)
	defer end()
	l := startLoad(r.sockets.addr, 4)
	time.Sleep(2 * time.Second) // a window: starts after 50, 100, 200, 400, 800 and 1600 ms, less a fifth
	if ok, failed := l.stop(); failed != 0 || ok == 0 {
		t.Errorf("%d of %d connections failed, want none: %v", failed, ok+failed, l.first.Load())
	}
	n := r.count(prefork.Crashed)
	w := r.Workers()[1]
	t.Logf("%d crashes within 2s: %+v", n, w)
	if n < 3 || n > 8 {
		t.Errorf("%d crashes within 2s, want some and no more than the backoff allows", n)
	}
	if w.Crashes < 3 || time.Since(w.CrashesSince) > patience || w.LastExit != "exit status 4" || w.LastOutput != "first\nnot today\\a" {
		t.Errorf("worker 1 is %+v, want its crashes, how it ended and what it printed", w)
	}
	for _, e := range r.drainSent() {
		if strings.Contains(e.Message, fmt.Sprintf("exit status 4, %d times in ", w.Crashes)) {
			return
		}
	}
	t.Error("no event tells how often it crashed")
}
