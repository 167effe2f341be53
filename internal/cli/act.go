package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// act has the runtime run a one-off operation.
func (o *changing) act(ctx context.Context, cl *control.Client, a control.Action) (*control.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	a.Actor, a.Reason = actor(), o.reason
	return cl.Act(ctx, a)
}

func (c *call) reloadCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "reload",
		Short: "Reload the config file, and wait until it is applied",
		Long: `reload makes the runtime read its config file again. It returns when the new
config is in effect. If the config is refused, reload prints every error and
exits with code 6; the old config keeps running. The runtime also reloads by
itself when the file changes.

Values changed by hand stay changed. With --discard they are reset to those of
the file or, without a file, to those that the runtime was started with.`,
		Example: "  rockstar-tui reload\n  rockstar-tui reload --discard\n  rockstar-tui reload --json --reason \"new certificate\"",
		Args:    noArgs,
	})
	var discard bool
	o.waiting(cmd, drainTime)
	cmd.Flags().BoolVar(&discard, "discard", false, "discard changes made by hand")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.look(cmd.Context(), func(cl *control.Client, _ *control.Snapshot) error {
			r, err := o.act(cmd.Context(), cl, control.Action{Kind: control.Reload, Discard: discard})
			if err != nil {
				return err
			}
			return c.done(cmd.Context(), cl, o, r)
		})
	}
	return cmd
}

func (c *call) shutdownCommand() *cobra.Command {
	var yes bool
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "shutdown",
		Short: "Drain all listeners and end the runtime",
		Long: `shutdown drains every listener, ends the runtime and waits for its end. On a
terminal it asks for confirmation; elsewhere it needs --yes.`,
		Example: "  rockstar-tui shutdown\n  rockstar-tui shutdown --yes --reason \"host goes away\"",
		Args:    noArgs,
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !yes && !c.canAsk() {
			return usageError(cmd, "shutdown: not a terminal: add --yes to confirm")
		}
		return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
			if !yes && !c.confirm(cmd.Context(), shutdownQuestion(s)) {
				return failed("nothing was shut down")
			}
			r, err := o.act(cmd.Context(), cl, control.Action{Kind: control.Shutdown})
			if err != nil {
				return err
			}
			receipt, err := c.awaitEnd(cmd.Context(), cl, o, s, r.ID)
			if err != nil {
				return err
			}
			return c.conclude(r, receipt, []string{r.Message})
		})
	}
	return cmd
}

func shutdownQuestion(s *control.Snapshot) string {
	d := control.Action{Kind: control.Shutdown}.Disrupts(s)
	return fmt.Sprintf("Stop %s and end the runtime, pid %d? %s will be drained. [y/N] ",
		words.Count(d.Listeners, "listener"), s.PID, words.Count(d.Connections, "connection"))
}

// canAsk reports whether there is somebody to answer a question.
func (c *call) canAsk() bool {
	return !c.json && isTerminal(c.Stdin) && isTerminal(c.Stderr)
}

// confirm asks on the terminal. Anything but yes is no, so is ctrl+c. A read
// that is still under way then ends with the process.
func (c *call) confirm(ctx context.Context, question string) bool {
	_, _ = io.WriteString(c.Stderr, printable.Text(question))
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(c.Stdin, 1024)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case a := <-answer:
		return a == "y" || a == "yes"
	case <-ctx.Done():
		return false
	}
}

// awaitEnd waits until the runtime that before is of answers no more, and returns
// the last that was seen of the receipt.
func (c *call) awaitEnd(ctx context.Context, cl *control.Client, o *changing, before *control.Snapshot, id uint64) (receipt *control.Receipt, err error) {
	if o.noWait {
		return nil, nil
	}
	bound := o.timeout
	if bound <= 0 {
		bound = drainBound(before, listenerNames(before))
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	defer c.clearProgress()
	for {
		s, err := cl.Snapshot(ctx)
		switch {
		case errors.Is(err, control.ErrUnavailable), err == nil && !sameRuntime(s, before):
			return receipt, nil
		case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return nil, failed("the runtime is shutting down, but has not ended within %s", bound)
		case err != nil:
			return nil, err
		}
		if r := s.Receipt(id); r != nil {
			receipt = r
		}
		c.progress("the runtime is shutting down")
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func sameRuntime(a, b *control.Snapshot) bool {
	return a.PID == b.PID && a.StartedAt.Equal(b.StartedAt)
}
