package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) statusCommand() *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the runtime",
		Long: `status shows the runtime, its config, its listeners and pools. With --json it
prints the whole snapshot. With --watch it repeats this until interrupted; with
--json, one document per line.`,
		Example: `  rockstar-tui status
  rockstar-tui status --watch --interval 2s
  rockstar-tui status --json | jq '.listeners[].workers_ready'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return c.watch(cmd.Context(), interval)
			}
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				return c.print(s, func(p *render.Page) { render.Status(p, s) })
			})
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "repeat until interrupted")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "with --watch: repeat every `TIME`")
	return cmd
}

// watch shows one state after the other. To be interrupted is its natural end.
func (c *call) watch(ctx context.Context, interval time.Duration) error {
	return c.look(ctx, func(cl *control.Client, _ *control.Snapshot) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		err := watchOn(ctx, cl, control.WatchOptions{Interval: interval}, func(s *control.Snapshot) {
			if err := c.showState(s); err != nil {
				cancel(err)
			}
		})
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			return cause
		}
		if errors.Is(err, context.Canceled) {
			return nil
		}
		return err
	})
}

// watchOn is Watch across an upgrade of the runtime, which does not answer for a
// moment and then goes on with the same number and age.
func watchOn(ctx context.Context, cl *control.Client, o control.WatchOptions, fn func(*control.Snapshot)) error {
	var last *control.Snapshot
	for {
		err := cl.Watch(ctx, o, func(s *control.Snapshot) {
			last = s
			fn(s)
		})
		if ctx.Err() != nil || last == nil {
			return err
		}
		within, cancel := context.WithTimeout(ctx, upgradeSilence)
		s, unanswered := cl.Snapshot(within)
		cancel()
		if unanswered != nil || !sameRuntime(s, last) {
			return err
		}
	}
}

// showState replaces the last state on a terminal, and follows it elsewhere.
func (c *call) showState(s *control.Snapshot) error {
	if c.json {
		return c.printJSON(s, "")
	}
	p := &render.Page{}
	if isTerminal(c.Stdout) {
		p.WriteString("\x1b[H\x1b[2J")
	}
	render.Status(p, s)
	p.Line("")
	_, err := c.Stdout.Write(p.Bytes())
	return err
}

func (c *call) listenersCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "listeners",
		Short:   "Show listeners with their limits and counters",
		Example: "  rockstar-tui listeners\n  rockstar-tui listeners --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				doc := map[string][]control.ListenerInfo{"listeners": list(s.Listeners)}
				return c.print(doc, func(p *render.Page) { render.Listeners(p, s) })
			})
		},
	}
}

func (c *call) workersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "workers [LISTENER]",
		Short: "Show worker processes, of all listeners or of one",
		Example: `  rockstar-tui workers
  rockstar-tui workers web
  rockstar-tui workers web --json | jq '.workers[].pid'`,
		Args:              rangeArgs(0, 1),
		ValidArgsFunction: c.completeListener(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				of := s.Listeners
				if len(args) == 1 {
					l, err := findListener(s, args[0])
					if err != nil {
						return err
					}
					of = []control.ListenerInfo{*l}
				}
				doc := map[string][]render.Worker{"workers": list(render.WorkersOf(of))}
				return c.print(doc, func(p *render.Page) { render.Workers(p, doc["workers"], s.Time) })
			})
		},
	}
}

func (c *call) poolsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "pools",
		Short:   "Show pools and their backends",
		Example: "  rockstar-tui pools\n  rockstar-tui pools --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				doc := map[string][]control.PoolInfo{"pools": list(s.Pools)}
				return c.print(doc, func(p *render.Page) { render.Pools(p, s) })
			})
		},
	}
}

// list makes sure that an empty list is one in JSON, too.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

// oneOf reports a flag's value that is none of those possible.
func oneOf(cmd *cobra.Command, flag, value string, possible ...string) error {
	for _, p := range possible {
		if value == p {
			return nil
		}
	}
	return usageError(cmd, "--%s: %q is not one of %s", flag, value, strings.Join(possible, ", "))
}

func (c *call) connectionsCommand() *cobra.Command {
	var q control.Query
	var worker int
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Show open connections, oldest first",
		Example: `  rockstar-tui connections --listener web --state active
  rockstar-tui connections --listener web --worker 2 --limit 20
  rockstar-tui connections --json | jq '.total'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("worker") {
				q.Worker = &worker
			}
			if err := checkQuery(cmd, q); err != nil {
				return err
			}
			return c.connections(cmd.Context(), q)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&q.Listener, "listener", "", "only those of listener `NAME`")
	f.IntVar(&worker, "worker", 0, "only those of worker `ID`")
	f.StringVar(&q.State, "state", "", "only those in state `active|idle`")
	f.IntVar(&q.Limit, "limit", 100, "show at most `N`, up to 10000")
	f.IntVar(&q.Offset, "offset", 0, "skip the first `N`")
	_ = cmd.RegisterFlagCompletionFunc("listener", c.completeListener(1))
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "idle"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func checkQuery(cmd *cobra.Command, q control.Query) error {
	switch {
	case q.Worker != nil && *q.Worker < 0:
		return usageError(cmd, "--worker %d is negative", *q.Worker)
	case q.Limit < 1 || q.Limit > 10_000:
		return usageError(cmd, "--limit %d is not between 1 and 10000", q.Limit)
	case q.Offset < 0:
		return usageError(cmd, "--offset %d is negative", q.Offset)
	case q.State != "":
		return oneOf(cmd, "state", q.State, "active", "idle")
	}
	return nil
}

func (c *call) connections(ctx context.Context, q control.Query) error {
	return c.look(ctx, func(cl *control.Client, s *control.Snapshot) error {
		if q.Listener != "" {
			if _, err := findListener(s, q.Listener); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		found, err := cl.Connections(ctx, q)
		if err != nil {
			return err
		}
		found.Connections = list(found.Connections)
		return c.print(found, func(p *render.Page) { render.Connections(p, found, q, s) })
	})
}

func (c *call) eventsCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Show recent events, newest last",
		Example: "  rockstar-tui events\n  rockstar-tui events -n 100 --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 {
				return usageError(cmd, "--number %d is less than 1", n)
			}
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				newest := list(s.Events[max(0, len(s.Events)-n):])
				doc := map[string][]control.Event{"events": newest}
				return c.print(doc, func(p *render.Page) { render.Events(p, newest) })
			})
		},
	}
	cmd.Flags().IntVarP(&n, "number", "n", 20, "show at most `N`; the runtime keeps 100")
	return cmd
}
