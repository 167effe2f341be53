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
		Short: "Replace workers with new processes, and drain the old ones",
		Long: `restart replaces the workers of a listener one by one. Each new process is
ready before the old one drains, so no connection is lost. With WORKER it
replaces only that worker, with --all the workers of all listeners.

If a new process is not ready in time, the restart stops there, prints the
output of that process and exits with code 6. The worker it should have replaced
and the remaining ones keep running. Interrupting the command has the same
effect.`,
		Example: `  rockstar-tui restart web
  rockstar-tui restart web/2
  rockstar-tui restart --all --reason "new openssl"
  rockstar-tui restart web --json | jq -r .message`,
		Args:              rangeArgs(0, 2),
		ValidArgsFunction: c.completeListener(1),
	})
	var all bool
	cmd.Flags().BoolVar(&all, "all", false, "restart the workers of all listeners")
	o.notWaiting(cmd)
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "wait at most `TIME` (default 30s, plus 15s per worker)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := restartAction(cmd, args, all)
		if err != nil {
			return err
		}
		return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
			if _, err := findListener(s, a.Listener); err != nil && a.Listener != "" {
				return err
			}
			ctx, cancel := o.bounded(cmd.Context())
			defer cancel()
			r, err := c.restart(ctx, cl, o, s, a)
			if err != nil {
				return err
			}
			return c.done(ctx, cl, o, r)
		})
	}
	return cmd
}

// restartAction reads LISTENER, LISTENER/WORKER, LISTENER WORKER or --all.
func restartAction(cmd *cobra.Command, args []string, all bool) (control.Action, error) {
	if all != (len(args) == 0) {
		return control.Action{}, usageError(cmd, "restart: name a listener, or use --all")
	}
	if all {
		return control.Action{Kind: control.RestartWorkers}, nil
	}
	name, worker, one := strings.Cut(args[0], "/")
	if len(args) == 2 {
		if one {
			return control.Action{}, usageError(cmd, "restart: %q already names a worker, so %q is one argument too many", args[0], args[1])
		}
		worker, one = args[1], true
	}
	if !one {
		return control.Action{Kind: control.RestartWorkers, Listener: name}, nil
	}
	id, err := strconv.Atoi(worker)
	if err != nil || id < 0 {
		return control.Action{}, usageError(cmd, "restart: %q is not a worker number: see rockstar-tui workers", worker)
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
		return nil, failed("not finished within %s; the workers that were not replaced keep running: see rockstar-tui workers", bound)
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
