package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) statusCommand() *cobra.Command {
	var watch bool
	var interval time.Duration
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the state of the runtime",
		Long: `status shows the runtime, its config, its listeners and pools. With --json it
prints the whole snapshot. With --watch it does so again and again, until it is
interrupted: one JSON document per line.`,
		Example: `  rockstar-tui status
  rockstar-tui status --watch --interval 2s
  rockstar-tui status --json | jq '.listeners[].workers_ready'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if watch {
				return c.watch(cmd.Context(), interval)
			}
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				return c.print(s, func(p *page) { status(p, s) })
			})
		},
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "go on until interrupted")
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "`TIME` between two states, with --watch")
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
	p := &page{}
	if isTerminal(c.Stdout) {
		p.WriteString("\x1b[H\x1b[2J")
	}
	status(p, s)
	p.line("")
	_, err := c.Stdout.Write(p.Bytes())
	return err
}

func status(p *page, s *control.Snapshot) {
	p.line("rockstar-tui %s on %s, pid %d, up %s, revision %d", s.Version, s.Host, s.PID, since(s.StartedAt, s.Time), s.Revision)
	configStatus(p, s)
	if u := s.Upgrade; u != nil && (!u.Over() || u.State == control.UpgradeFailed) {
		p.line("upgrade from %s to %s: %s", u.From, u.To, strings.TrimSpace(u.State+" "+u.Error))
	}
	p.line("")
	if len(s.Listeners) == 0 {
		p.line("no listeners")
	} else {
		p.table("LISTENER|PROTO|ADDRESS|STATE|>WORKERS|>ACTIVE|>IDLE|>REQUESTS|>ERRORS", statusRows(s))
	}
	reasons(p, s)
	crashes(p, s)
	if text := rolling(s); text != "" {
		p.line("restart under way: %s", text)
	}
	if len(s.Pools) > 0 {
		p.line("")
		pools(p, s)
	}
	problemsOf(p, s)
}

func statusRows(s *control.Snapshot) [][]string {
	var rows [][]string
	for _, l := range s.Listeners {
		rows = append(rows, []string{l.Name, l.Protocol, l.Address, l.State, workersOf(&l),
			count(l.Connections.Active), count(l.Connections.Idle), count(l.Requests), count(l.Errors)})
	}
	return rows
}

var configStates = map[string]string{
	control.ConfigInSync:     "in sync",
	control.ConfigOverridden: "overridden",
	control.ConfigRefused:    "REFUSED, the last good one runs",
	control.ConfigPending:    "being applied",
}

func configStatus(p *page, s *control.Snapshot) {
	c := &s.Config
	path, state, differs := c.Path, configStates[c.State], "differs from the file"
	if path == "" {
		path, differs = "(demo, no file)", "changed since start"
		if c.State == control.ConfigOverridden {
			state = differs
		}
	}
	if state == "" {
		state = c.State
	}
	p.line("config %s: %s", path, state)
	if c.Error != nil {
		for _, line := range errorLines(c.Error) {
			p.line("  %s", line)
		}
	}
	trialText(p, s)
	overrides(p, s, differs)
}

// reasons tells why a listener is not as it should be.
func reasons(p *page, s *control.Snapshot) {
	for _, l := range s.Listeners {
		if l.Reason != "" {
			p.line("%s %s: %s", l.Name, l.State, l.Reason)
		}
		if l.Prefork && l.SteeringReason != "" {
			p.line("%s steers %s: %s", l.Name, l.Steering, l.SteeringReason)
		}
	}
}

// crashes shows the workers of degraded listeners that end again and again.
func crashes(p *page, s *control.Snapshot) {
	for _, w := range workersIn(s.Listeners) {
		if w.Crashes > 0 && w.State != control.WorkerReady {
			lastEnd(p, w, s.Time)
		}
	}
}

// steeringOf is how connections are spread; where one process serves there is
// nothing to spread.
func steeringOf(l *control.ListenerInfo) string {
	if !l.Prefork {
		return "-"
	}
	return l.Steering
}

// workersOf writes ready/wanted; a listener in the master process has none.
func workersOf(l *control.ListenerInfo) string {
	if !l.Prefork {
		return "master"
	}
	return fmt.Sprintf("%d/%d", l.WorkersReady, l.WorkersWanted)
}

func (c *call) listenersCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "listeners",
		Short:   "Show the listeners, their limits and numbers",
		Example: "  rockstar-tui listeners\n  rockstar-tui listeners --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				doc := map[string][]control.ListenerInfo{"listeners": list(s.Listeners)}
				return c.print(doc, func(p *page) { listeners(p, s) })
			})
		},
	}
}

func listeners(p *page, s *control.Snapshot) {
	var numbers, failures, limits [][]string
	for _, l := range s.Listeners {
		numbers = append(numbers, []string{l.Name, l.Protocol, l.Address, l.State, workersOf(&l), steeringOf(&l),
			count(l.Connections.Active), count(l.Connections.Idle), count(l.Connections.Total),
			count(l.Connections.Refused), count(l.Connections.TimedOut), count(l.Requests), count(l.Errors),
			bytesize(l.BytesIn), bytesize(l.BytesOut), millis(l.Latency.P50), millis(l.Latency.P99)})
		t, m := l.Timeouts, l.Limits
		limits = append(limits, []string{l.Name, t.ReadHeader, t.Read, t.Write, t.Request, t.Response, t.Idle, t.Shutdown,
			limit(m.MaxConnections), limit(m.AcceptRate), rateOf(m.MinRate)})
		failures = append(failures, []string{l.Name, count(l.Failures.Client), count(l.Failures.Canceled),
			count(l.Failures.Server), count(l.Failures.Backend)})
	}
	p.table("LISTENER|PROTO|ADDRESS|STATE|>WORKERS|STEERING|>ACTIVE|>IDLE|>TOTAL|>REFUSED|>TIMED OUT|>REQUESTS|>ERRORS|>IN|>OUT|>P50|>P99", numbers)
	reasons(p, s)
	p.line("")
	p.table("FAILED BY|>CLIENT|>CANCELED|>SERVER|>BACKEND", failures)
	p.line("")
	p.table("LISTENER|>READ HEADER|>READ|>WRITE|>REQUEST|>RESPONSE|>IDLE|>SHUTDOWN|>MAX CONNS|>ACCEPT RATE|>MIN RATE", limits)
}

// rateOf writes the least rate of clients, as 240/s.
func rateOf(r control.MinRate) string {
	if r.Rate == 0 {
		return "-"
	}
	return bytesize(uint64(r.Rate)) + "/s"
}

// limit writes a bound; 0 is none.
func limit(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// worker is one line of the workers command.
type worker struct {
	Listener string `json:"listener"`
	control.WorkerInfo
}

func (c *call) workersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "workers [LISTENER]",
		Short: "Show the worker processes, of all listeners or of one",
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
				doc := map[string][]worker{"workers": list(workersIn(of))}
				return c.print(doc, func(p *page) { workers(p, doc["workers"], s.Time) })
			})
		},
	}
}

func workersIn(listeners []control.ListenerInfo) []worker {
	var all []worker
	for _, l := range listeners {
		for _, w := range l.Workers {
			all = append(all, worker{l.Name, w})
		}
	}
	return all
}

func workers(p *page, all []worker, now time.Time) {
	var rows [][]string
	for _, w := range all {
		rows = append(rows, []string{w.Listener, strconv.Itoa(w.ID), strconv.Itoa(w.PID), w.State, since(w.StartedAt, now),
			strconv.Itoa(w.Restarts), count(w.Connections.Active), count(w.Connections.Idle), count(w.Connections.Total),
			count(w.Requests), count(w.Errors), fmt.Sprintf("%.1fs", w.CPUSeconds), bytesize(w.MemoryBytes)})
	}
	p.table("LISTENER|>ID|>PID|STATE|>AGE|>RESTARTS|>ACTIVE|>IDLE|>TOTAL|>REQUESTS|>ERRORS|>CPU|>MEMORY", rows)
	for _, w := range all {
		lastEnd(p, w, now)
		if w.DrainDeadline != nil {
			p.line("%s worker %d drains, at most %s more", w.Listener, w.ID, age(w.DrainDeadline.Sub(now)))
		}
	}
}

// lastEnd tells how the process before this one ended, how often that happened
// and what was printed last, or that this one hangs.
func lastEnd(p *page, w worker, now time.Time) {
	if w.HungSince != nil {
		p.line("%s worker %d shows no sign of life for %s", w.Listener, w.ID, since(*w.HungSince, now))
	}
	if w.LastExit == "" {
		return
	}
	often := ""
	if w.Crashes > 1 && w.CrashesSince != nil {
		often = fmt.Sprintf(", %d times in %s", w.Crashes, since(*w.CrashesSince, now))
	}
	p.line("%s worker %d ended before: %s%s", w.Listener, w.ID, w.LastExit, often)
	for line := range strings.Lines(w.LastOutput) {
		p.line("  %s", strings.TrimRight(line, "\n"))
	}
}

func (c *call) poolsCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "pools",
		Short:   "Show the pools and their backends",
		Example: "  rockstar-tui pools\n  rockstar-tui pools --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error {
				doc := map[string][]control.PoolInfo{"pools": list(s.Pools)}
				return c.print(doc, func(p *page) { pools(p, s) })
			})
		},
	}
}

func pools(p *page, s *control.Snapshot) {
	if len(s.Pools) == 0 {
		p.line("no pools")
		return
	}
	var rows [][]string
	for _, pool := range s.Pools {
		for _, b := range pool.Backends {
			rows = append(rows, []string{pool.Name, b.Name, b.URL, b.State, strconv.Itoa(b.Weight),
				count(b.Connections.Active), count(b.Connections.Idle), count(b.Requests), count(b.Errors)})
		}
	}
	p.table("POOL|BACKEND|URL|STATE|>WEIGHT|>ACTIVE|>IDLE|>REQUESTS|>ERRORS", rows)
	for _, pool := range s.Pools {
		for _, b := range pool.Backends {
			if e := b.LastError; e != nil {
				p.line("%s/%s failed %s ago: %s", pool.Name, b.Name, since(e.At, s.Time), e.Message)
			}
		}
		if n := pool.Stats.WaitCount; n > 0 {
			p.line("%s: %s had to wait for a connection, %s each", pool.Name, words.Count(n, "request"),
				millis(float64(pool.Stats.WaitDurationMS)/float64(n)))
		}
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
	return usageError(cmd, "--%s %q is none of %s", flag, value, strings.Join(possible, ", "))
}
