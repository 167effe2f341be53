package cli

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) drainCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "drain [LISTENER[/WORKER]]",
		Short: "Show drains, extend them or end them now",
		Long: `drain shows the draining workers, and draining listeners that have no workers:
how many connections are left, and when those will be closed, which is after the
listener's shutdown timeout. --extend moves that deadline, --now closes them at
once. Without LISTENER, both apply to everything that drains, for example during
a shutdown.`,
		Example: `  rockstar-tui drain
  rockstar-tui drain web --extend 60s --reason "a long download"
  rockstar-tui drain web/2 --now`,
		Args:              rangeArgs(0, 1),
		ValidArgsFunction: c.completeListener(1),
	})
	var extend time.Duration
	var now bool
	cmd.Flags().DurationVar(&extend, "extend", 0, "extend the deadline by `TIME`, 1s to 24h")
	cmd.Flags().BoolVar(&now, "now", false, "close the remaining connections at once")
	o.waiting(cmd, drainTime)
	changes := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		if !now && !cmd.Flags().Changed("extend") {
			return nil // it only looks
		}
		return changes(cmd, args)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if now && cmd.Flags().Changed("extend") {
			return usageError(cmd, "drain: use either --now or --extend")
		}
		a := control.Action{Kind: control.DrainExtend, All: true, By: config.Duration(extend)}
		if now {
			a.Kind = control.DrainNow
		}
		if err := drainSubject(cmd, args, &a); err != nil {
			return err
		}
		return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
			if a.Listener != "" {
				if _, err := findListener(s, a.Listener); err != nil {
					return err
				}
			}
			if !now && !cmd.Flags().Changed("extend") {
				return c.showDrains(s, a)
			}
			r, err := o.act(cmd.Context(), cl, a)
			if err != nil {
				return err
			}
			return c.done(cmd.Context(), cl, o, r)
		})
	}
	return cmd
}

// drainSubject reads LISTENER or LISTENER/WORKER.
func drainSubject(cmd *cobra.Command, args []string, a *control.Action) error {
	if len(args) == 0 {
		return nil
	}
	name, id, one := strings.Cut(args[0], "/")
	a.Listener = name
	if !one {
		return nil
	}
	n, err := strconv.Atoi(id)
	if err != nil || n < 0 {
		return usageError(cmd, "drain: %q is not a worker number: see rockstar-tui workers", id)
	}
	a.All, a.Worker = false, n
	return nil
}

func (c *call) showDrains(s *control.Snapshot, a control.Action) error {
	all := []render.Draining{}
	for _, l := range s.Listeners {
		for _, w := range l.Workers {
			if w.DrainDeadline == nil || a.Listener != "" && a.Listener != l.Name || !a.All && a.Worker != w.ID {
				continue
			}
			all = append(all, render.Draining{
				Listener: l.Name, Worker: w.ID, PID: w.PID, Connections: w.Connections.Active + w.Connections.Idle, Deadline: w.DrainDeadline})
		}
	}
	return c.print(map[string][]render.Draining{"draining": all}, func(p *render.Page) { render.Drains(p, all, s.Time) })
}
