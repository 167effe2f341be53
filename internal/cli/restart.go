package cli

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) restartCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "restart LISTENER[/WORKER]",
		Short: "Replace workers by new processes, draining the old ones",
		Long: `restart replaces the workers of a listener one after the other: a new process is
ready before the old one drains, so that no connection is lost. WORKER names one
of them; --all means those of all listeners.

If a new process is not ready in time, the restart ends there, with exit code 6
and what that process printed. Its predecessor and the workers that were not
reached yet keep running. Interrupting it has the same effect.`,
		Example: `  rockstar-tui restart web
  rockstar-tui restart web/2
  rockstar-tui restart --all --reason "new openssl"
  rockstar-tui restart web --json | jq -r .message`,
		Args:              rangeArgs(0, 2),
		ValidArgsFunction: c.completeListener(1),
	})
	var all bool
	cmd.Flags().BoolVar(&all, "all", false, "the workers of all listeners")
	o.notWaiting(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "try for at most `TIME` (default 30s, and 15s for each worker)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := restartAction(cmd, args, all)
		if err != nil {
			return err
		}
		return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
			if _, err := findListener(s, a.Listener); err != nil && a.Listener != "" {
				return err
			}
			r, err := c.restart(cmd.Context(), cl, o, s, a)
			if err != nil {
				return err
			}
			return c.done(cmd.Context(), cl, o, r)
		})
	}
	return cmd
}

// restartAction reads LISTENER, LISTENER/WORKER, LISTENER WORKER or --all.
func restartAction(cmd *cobra.Command, args []string, all bool) (control.Action, error) {
	if all != (len(args) == 0) {
		return control.Action{}, usageError(cmd, "restart: name a listener, or say --all for the workers of all")
	}
	if all {
		return control.Action{Kind: control.RestartWorkers}, nil
	}
	name, worker, one := strings.Cut(args[0], "/")
	if len(args) == 2 {
		if one {
			return control.Action{}, usageError(cmd, "restart: %q names a worker already, %q is too much", args[0], args[1])
		}
		worker, one = args[1], true
	}
	if !one {
		return control.Action{Kind: control.RestartWorkers, Listener: name}, nil
	}
	id, err := strconv.Atoi(worker)
	if err != nil || id < 0 {
		return control.Action{}, usageError(cmd, "restart: %q is no worker's number, see rockstar-tui workers", worker)
	}
	return control.Action{Kind: control.RestartWorker, Listener: name, Worker: id}, nil
}

// restart has it done, and shows on the way how far it has come.
func (c *call) restart(ctx context.Context, cl *control.Client, o *changing, s *control.Snapshot, a control.Action) (*control.Result, error) {
	bound := o.timeout
	if bound <= 0 {
		bound = restartBound(s, a)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	shown := make(chan struct{})
	watching, enough := context.WithCancel(ctx)
	go func() {
		defer close(shown)
		_ = cl.Watch(watching, control.WatchOptions{Interval: 200 * time.Millisecond}, func(s *control.Snapshot) {
			if text := render.Rolling(s); text != "" {
				c.progress("%s", text)
			}
		})
	}()
	a.Actor, a.Reason = actor(), o.reason
	r, err := cl.Act(ctx, a)
	enough()
	<-shown
	c.clearProgress()
	if err != nil && ctx.Err() == context.DeadlineExceeded {
		return nil, failed("not done within %s, the workers that were not reached keep running: see rockstar-tui workers", bound)
	}
	return r, err
}

// restartBound leaves each worker the time that it may take to get ready.
func restartBound(s *control.Snapshot, a control.Action) time.Duration {
	bound := 30 * time.Second
	for _, l := range s.Listeners {
		if a.Listener == "" || a.Listener == l.Name {
			bound += time.Duration(l.WorkersWanted) * 15 * time.Second
		}
	}
	return bound
}
