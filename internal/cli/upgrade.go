package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// upgradeSilence is how long a runtime may leave unanswered while it is replaced.
const upgradeSilence = 15 * time.Second

func (c *call) upgradeCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "upgrade",
		Short: "Replace the running program by another version, losing nothing",
		Long: `upgrade replaces the running program, in the same process, by the program that
is now at its path, or by that of --binary. Pid, sockets, workers and counters
stay. Then each worker is replaced by one of the new program; upgrade waits
until all are. The signal SIGUSR2 does the same.

The runtime checks the new program first. If it does not start, is incompatible
or does not answer, the old program keeps running and the exit code is 6. If it
passes the check but dies while taking over, the old program starts again in
another process and adopts the workers.

While the upgrade runs, a temporary worker serves each listener that has no
workers; connections open on such a listener end within its shutdown timeout.`,
		Example: "  rockstar-tui upgrade\n  rockstar-tui upgrade --binary ./rockstar-tui-2.0 --reason \"release 2.0\"\n  rockstar-tui upgrade --json --timeout 5m",
		Args:    noArgs,
	})
	var binary string
	cmd.Flags().StringVar(&binary, "binary", "", "`PATH` of the new program (default: that of the running one)")
	_ = cmd.MarkFlagFilename("binary")
	o.waiting(cmd, "shutdown timeout + 1m")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.look(cmd.Context(), func(cl *control.Client, before *control.Snapshot) error {
			path, err := absolutePath(binary)
			if err != nil {
				return failed("upgrade: %v", err)
			}
			r, err := o.act(cmd.Context(), cl, control.Action{Kind: control.Replace, Binary: path})
			if err != nil {
				return err
			}
			ctx, cancel := o.bounded(cmd.Context())
			defer cancel()
			u, err := c.awaitUpgrade(ctx, cl, o, before)
			if err != nil {
				return err
			}
			if u == nil { // not waited for
				return c.done(ctx, cl, o, r)
			}
			receipt, err := c.receipt(ctx, cl, o, u.Receipt)
			if err != nil {
				return err
			}
			return c.conclude(u, receipt, []string{fmt.Sprintf("version %s has taken over from %s", u.To, u.From)})
		})
	}
	return cmd
}

// absolutePath is where the runtime finds what is meant here. It may have another
// working directory.
func absolutePath(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

// awaitUpgrade waits until the upgrade that was begun after the state before is
// over. The runtime does not answer while it is replaced.
func (c *call) awaitUpgrade(ctx context.Context, cl *control.Client, o *changing, before *control.Snapshot) (*control.Upgrade, error) {
	if o.noWait {
		return nil, nil
	}
	bound := o.timeout
	if bound <= 0 {
		bound = drainBound(before, listenerNames(before)) + time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	defer c.clearProgress()
	heard, state := time.Now(), control.UpgradeDraining
	for {
		s, err := cl.Snapshot(ctx)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, failed("started, but not finished within %s: %s", bound, state)
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && time.Since(heard) > upgradeSilence:
			return nil, fmt.Errorf("upgrade: the runtime has not answered for %s, see its log; if it died, its workers keep serving for "+
				"prefork.orphan_timeout, and a rockstar-tui serve with the same config adopts them if it starts within that time: %w", upgradeSilence, err)
		case err == nil:
			heard = time.Now()
			if u := s.Upgrade; u != nil && (before.Upgrade == nil || u.Number > before.Upgrade.Number) {
				if state = u.State; u.Over() {
					return u, upgradeError(u)
				}
			}
		}
		c.progress("upgrade: %s", state)
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func upgradeError(u *control.Upgrade) error {
	if u.State != control.UpgradeFailed {
		return nil
	}
	return &control.Error{Code: control.CodeRefused, Message: u.Error}
}
