//go:build unix

package runtime

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// handleHangup gives SIGHUP its meaning until the returned function is called:
// the terminal has gone away, which is no reason to stop, or a request to reload.
func handleHangup(a *App, keep bool) (stop func()) {
	if keep {
		signal.Ignore(syscall.SIGHUP)
		return func() { signal.Reset(syscall.SIGHUP) }
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	a.background(func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangups:
				a.reload(ctx, control.Action{Actor: "SIGHUP"}) // what fails is an event and stays in the status
			}
		}
	})
	return func() { signal.Stop(hangups) }
}
