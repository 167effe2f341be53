package cli

import (
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) drainCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "drain [LISTENER[/WORKER]]",
		Short: "Show what drains, give it more time or end it now",
		Long: `drain shows which workers, and which listeners without any, finish their
connections, and when they close what is left then: after the shutdown timeout
of the listener. --extend gives them more time, --now none at all. Without a
listener everything that drains is meant, as in a shutdown under way.`,
		Example: `  rockstar-tui drain
  rockstar-tui drain web --extend 60s --reason "a long download"
  rockstar-tui drain web/2 --now`,
		Args:              rangeArgs(0, 1),
		ValidArgsFunction: c.completeListener(1),
	})
	var extend time.Duration
	var now bool
	cmd.Flags().DurationVar(&extend, "extend", 0, "give `TIME` more, from 1s to 24h")
	cmd.Flags().BoolVar(&now, "now", false, "close what is left at once")
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
			return usageError(cmd, "drain: --now and --extend exclude each other")
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
		return usageError(cmd, "drain: %q is no worker's number, see rockstar-tui workers", id)
	}
	a.All, a.Worker = false, n
	return nil
}

// drains is one process that drains, as it is printed.
type drains struct {
	Listener    string     `json:"listener"`
	Worker      int        `json:"worker"`
	PID         int        `json:"pid"`
	Connections uint64     `json:"connections"`
	Deadline    *time.Time `json:"drain_deadline"`
}

func (c *call) showDrains(s *control.Snapshot, a control.Action) error {
	all := []drains{}
	for _, l := range s.Listeners {
		for _, w := range l.Workers {
			if w.DrainDeadline == nil || a.Listener != "" && a.Listener != l.Name || !a.All && a.Worker != w.ID {
				continue
			}
			all = append(all, drains{l.Name, w.ID, w.PID, w.Connections.Active + w.Connections.Idle, w.DrainDeadline})
		}
	}
	return c.print(map[string][]drains{"draining": all}, func(p *page) {
		if len(all) == 0 {
			p.line("nothing drains")
			return
		}
		var rows [][]string
		for _, d := range all {
			rows = append(rows, []string{d.Listener, strconv.Itoa(d.Worker), strconv.Itoa(d.PID),
				count(d.Connections), age(max(0, d.Deadline.Sub(s.Time)))})
		}
		p.table("LISTENER|>WORKER|>PID|>CONNECTIONS|>AT MOST", rows)
	})
}
