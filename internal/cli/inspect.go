package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) connectionsCommand() *cobra.Command {
	var q control.Query
	var worker int
	cmd := &cobra.Command{
		Use:   "connections",
		Short: "Show open connections, the oldest first",
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
	f.StringVar(&q.Listener, "listener", "", "only those of the listener `NAME`")
	f.IntVar(&worker, "worker", 0, "only those of the worker `ID`")
	f.StringVar(&q.State, "state", "", "only those that are `active|idle`")
	f.IntVar(&q.Limit, "limit", 100, "at most `N`, up to 10000")
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
		return c.print(found, func(p *page) { connections(p, found, q, s) })
	})
}

func connections(p *page, found *control.Page, q control.Query, s *control.Snapshot) {
	if found.Total == 0 {
		p.line("no such connections")
		return
	}
	var rows [][]string
	for _, o := range found.Connections {
		rows = append(rows, []string{o.Listener, strconv.Itoa(o.Worker), strconv.FormatUint(o.ID, 10), o.Peer, o.Protocol, o.State,
			since(o.Since, s.Time), since(o.Opened, s.Time), count(o.Requests), bytesize(o.BytesIn), bytesize(o.BytesOut), o.Request})
	}
	p.table("LISTENER|>WORKER|>ID|PEER|PROTOCOL|STATE|>FOR|>OPEN|>REQUESTS|>IN|>OUT|BUSY WITH", rows)
	if shown := len(found.Connections); shown < found.Total {
		p.line("%d to %d of %d", q.Offset+min(1, shown), q.Offset+shown, found.Total)
	}
}

func (c *call) eventsCommand() *cobra.Command {
	var n int
	cmd := &cobra.Command{
		Use:     "events",
		Short:   "Show what happened last, the newest at the end",
		Example: "  rockstar-tui events\n  rockstar-tui events -n 100 --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n < 1 {
				return usageError(cmd, "--number %d is less than 1", n)
			}
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				newest := list(s.Events[max(0, len(s.Events)-n):])
				doc := map[string][]control.Event{"events": newest}
				return c.print(doc, func(p *page) { events(p, newest) })
			})
		},
	}
	cmd.Flags().IntVarP(&n, "number", "n", 20, "at most `N`; the runtime keeps 100")
	return cmd
}

func events(p *page, all []control.Event) {
	if len(all) == 0 {
		p.line("no events")
		return
	}
	var rows [][]string
	for _, e := range all {
		rows = append(rows, []string{e.Time.Local().Format("2006-01-02 15:04:05"), e.Level, subject(e), e.Message, e.Actor})
	}
	p.table("TIME|LEVEL|WHERE|WHAT|WHO", rows)
}

// subject is the listener, or the worker, an event is about.
func subject(e control.Event) string {
	if e.Worker != nil {
		return e.Listener + "/" + strconv.Itoa(*e.Worker)
	}
	return e.Listener
}
