package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// drainSlack is what a drain may take beyond its own deadline.
const drainSlack = 10 * time.Second

// goal tells of a state whether it is what one waits for. Until then it says
// what is missing; an error ends the wait.
type goal func(*control.Snapshot) (missing string, err error)

// await watches until the goal is reached, and shows on the way what is missing.
// States from before the result do not count.
func (c *call) await(ctx context.Context, cl *control.Client, o *changing, r *control.Result, bound time.Duration, reached goal) error {
	if o.noWait {
		return nil
	}
	if o.timeout > 0 {
		bound = o.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	defer c.clearProgress()

	missing, over := "", false
	var verdict error
	err := cl.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		if over || s.Generation < r.Generation {
			return
		}
		missing, verdict = reached(s)
		if over = missing == "" || verdict != nil; over {
			cancel()
			return
		}
		c.progress("%s", missing)
	})
	switch {
	case over:
		return verdict
	case errors.Is(err, context.DeadlineExceeded):
		return failed("changed, but not finished within %s: %s", bound, missing)
	}
	return err
}

// bounded is ctx for all that a command waits for, one after the other: the timeout
// is for all of it.
func (o *changing) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.timeout <= 0 || o.noWait {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, o.timeout)
}

// each makes a goal of one that every listener named has to reach.
func each(names []string, reached func(*control.ListenerInfo) (string, error)) goal {
	return func(s *control.Snapshot) (string, error) {
		var missing []string
		for _, name := range names {
			l, err := findListener(s, name)
			if err != nil {
				return "", err
			}
			m, err := reached(l)
			if err != nil {
				return "", err
			}
			if m != "" {
				missing = append(missing, m)
			}
		}
		return strings.Join(missing, ", "), nil
	}
}

func serving(names []string) goal {
	return each(names, func(l *control.ListenerInfo) (string, error) {
		switch l.State {
		case control.StateServing:
			return "", nil
		case control.StateFailed:
			return "", broken(l)
		}
		return stateOf(l), nil
	})
}

func stopped(names []string) goal {
	return each(names, func(l *control.ListenerInfo) (string, error) {
		if l.State == control.StateStopped || l.State == control.StateFailed {
			return "", nil
		}
		return fmt.Sprintf("%s is %s, %s left", l.Name, l.State, words.Count(l.Connections.Active+l.Connections.Idle, "connection")), nil
	})
}

// ready is reached when a listener has as many workers as it wants, or is none
// that should have any.
func ready(name string) goal {
	return each([]string{name}, func(l *control.ListenerInfo) (string, error) {
		switch {
		case !l.Enabled, l.State == control.StateServing && l.WorkersReady == l.WorkersWanted:
			return "", nil
		case l.State == control.StateFailed:
			return "", broken(l)
		}
		return stateOf(l), nil
	})
}

func broken(l *control.ListenerInfo) error {
	return failed("%s has failed: %s", l.Name, l.Reason)
}

func stateOf(l *control.ListenerInfo) string {
	s := fmt.Sprintf("%s is %s, %d of %s ready", l.Name, l.State, l.WorkersReady, words.Count(l.WorkersWanted, "worker"))
	if l.Reason != "" {
		s += ": " + l.Reason
	}
	return s
}

// drainBound is how long the listeners may take to drain.
func drainBound(s *control.Snapshot, names []string) time.Duration {
	bound := time.Duration(0)
	for _, name := range names {
		if l, err := findListener(s, name); err == nil {
			d, _ := time.ParseDuration(l.Timeouts.Shutdown)
			bound = max(bound, d)
		}
	}
	return bound + drainSlack
}

// notTold is how long a receipt may be open without a deadline: processes that
// are retired one after the other have none yet.
const notTold = 2 * time.Minute

// notWaiting adds the flag of commands that have bounds of their own.
func (o *changing) notWaiting(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "return once the change is made")
}

// done waits until what a result has retired has drained, prints what came of it,
// and fails if connections were cut that the plan had not named.
func (c *call) done(ctx context.Context, cl *control.Client, o *changing, r *control.Result) error {
	receipt, err := c.receipt(ctx, cl, o, r.ID)
	if err != nil {
		return err
	}
	return c.conclude(r, receipt, append([]string{r.Message}, onTrial(r)...), r.Warnings...)
}

// conclude prints lines, or doc, with a receipt, nil for none, and with warnings.
func (c *call) conclude(doc any, receipt *control.Receipt, lines []string, warnings ...string) error {
	err := c.print(render.Outcome{Result: doc, Receipt: receipt}, func(p *render.Page) {
		for _, line := range lines {
			p.Line("%s", line)
		}
		if r := receipt; r != nil && r.Drained+r.Cut+r.Moved+r.Open > 0 {
			p.Line("%s", r)
		}
		for _, w := range warnings {
			p.Line("warning: %s", w)
		}
	})
	if err != nil || receipt == nil || receipt.AsPlanned() {
		return err
	}
	return failed("%s cut beyond those in the plan", was(receipt.Cut-receipt.Planned.Cut))
}

func was(n int) string {
	if n == 1 {
		return "1 connection was"
	}
	return words.Count(n, "connection") + " were"
}

// receipt waits until a receipt is closed and returns it; as it is if it is not
// to be waited for, and nil if there is none.
func (c *call) receipt(ctx context.Context, cl *control.Client, o *changing, id uint64) (*control.Receipt, error) {
	if id == 0 {
		return nil, nil
	}
	ctx, cancel := o.bounded(ctx)
	defer cancel()
	defer c.clearProgress()
	var last *control.Receipt
	over, late := false, time.Now().Add(notTold)
	err := cl.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		if over {
			return
		}
		last = s.Receipt(id)
		if last != nil && last.Until != nil {
			late = time.Now().Add(last.Until.Sub(s.Time) + drainSlack)
		}
		if over = last == nil || last.Closed || o.noWait || time.Now().After(late); over {
			cancel()
			return
		}
		c.progress("%s", last)
	})
	switch {
	case over && (last == nil || last.Closed || o.noWait):
		return last, nil
	case last == nil && errors.Is(err, context.DeadlineExceeded):
		return nil, failed("changed; what became of the connections was not told within %s: see rockstar-tui drain", o.timeout)
	case over, errors.Is(err, context.DeadlineExceeded):
		return nil, failed("changed, but not finished: %s", last)
	}
	return nil, err
}
