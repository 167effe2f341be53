//go:build unix

package runtime

import (
	"context"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// signals are those by which a runtime is operated.
type signals struct {
	received chan os.Signal
	keep     bool // a hang-up means that the terminal has gone away, which is no reason to stop
}

// handleSignals gives SIGHUP and SIGUSR2 their meaning until stop is called:
// reload, and upgrade.
func handleSignals(a *App, keepOnHangup bool) *signals {
	s := &signals{received: make(chan os.Signal, 1), keep: keepOnHangup}
	s.notify()
	pending := map[os.Signal]*atomic.Int32{syscall.SIGHUP: {}, syscall.SIGUSR2: {}}
	a.background(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case sig := <-s.received:
				// No signal waits for what another one asked for. One that waits
				// already will do for those that come meanwhile.
				if pending[sig].Add(1) > 2 {
					pending[sig].Add(-1)
					continue
				}
				a.background(func(ctx context.Context) {
					defer pending[sig].Add(-1)
					obey(ctx, a, sig)
				})
			}
		}
	})
	return s
}

// obey does what a signal asks for.
func obey(ctx context.Context, a *App, sig os.Signal) {
	kind := map[os.Signal]string{syscall.SIGHUP: control.Reload, syscall.SIGUSR2: control.Replace}[sig]
	name := map[os.Signal]string{syscall.SIGHUP: "SIGHUP", syscall.SIGUSR2: "SIGUSR2"}[sig]
	if _, err := a.Act(ctx, control.Action{Kind: kind, Actor: name}); err != nil && kind == control.Replace {
		a.log.Error("SIGUSR2", "error", err) // of a reload the status and the events tell
	}
}

func (s *signals) notify() {
	signal.Notify(s.received, syscall.SIGUSR2)
	if s.keep {
		signal.Ignore(syscall.SIGHUP)
		return
	}
	signal.Notify(s.received, syscall.SIGHUP)
}

// ignore is inherited by the program that follows.
func (s *signals) ignore() (restore func()) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGUSR2)
	return s.notify
}

func (s *signals) stop() {
	signal.Stop(s.received)
	if s.keep {
		signal.Reset(syscall.SIGHUP)
	}
}
