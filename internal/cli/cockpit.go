package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) attachCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "attach [SOCKET]",
		Short: "Open the cockpit on a running runtime",
		Long: `attach opens the cockpit on the runtime that answers on SOCKET, or on the socket
of --socket. Unlike plain rockstar-tui, it never starts a runtime.`,
		Example: `  rockstar-tui attach
  rockstar-tui attach /run/rockstar-tui/edge.sock
  rockstar-tui attach --read-only`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.socket = args[0]
			}
			return c.attach(cmd.Context())
		},
	}
}

func (c *call) attach(ctx context.Context) error {
	if err := c.needTerminal(); err != nil {
		return err
	}
	cl, s, err := c.dial(ctx)
	if err != nil {
		return err
	}
	return c.show(ctx, cl, s, CockpitOptions{})
}

// cockpit attaches to the runtime that answers, or to one it starts.
func (c *call) cockpit(ctx context.Context) error {
	if err := c.needTerminal(); err != nil {
		return err
	}
	cl, s, err := c.dial(ctx)
	switch {
	case c.embedded && err == nil:
		_ = cl.Close()
		return c.alreadyRuns(s)
	case c.embedded && errors.Is(err, control.ErrUnavailable):
		return startError(c.configPath(), c.Embedded(ctx, c.serveOptions(), c.options(CockpitOptions{Embedded: true})))
	case err == nil:
		return c.show(ctx, cl, s, CockpitOptions{})
	case errors.Is(err, control.ErrUnavailable):
		return c.startAndShow(ctx, err)
	}
	return err
}

// needTerminal refuses to draw where nobody could see it.
func (c *call) needTerminal() error {
	switch {
	case c.json:
		return &exitError{exitUsage, &control.Error{Code: codeUsage, Message: "the cockpit has no JSON output; use rockstar-tui status --json"}}
	case !c.terminal():
		return &exitError{exitUsage, &control.Error{Code: codeUsage,
			Message: "the cockpit needs a terminal on standard input and output; use rockstar-tui serve or rockstar-tui status without one"}}
	case c.Env("TERM") == "dumb":
		return &exitError{exitUsage, &control.Error{Code: codeUsage,
			Message: "this terminal (TERM=dumb) cannot show the cockpit; use rockstar-tui status --watch"}}
	}
	return nil
}

func (c *call) alreadyRuns(s *control.Snapshot) error {
	return &control.Error{Code: control.CodeConflict,
		Message: fmt.Sprintf("a runtime already answers at %s (pid %d); leave out --embedded to attach to it, or name another --socket", c.socketPath(), s.PID)}
}

// show runs the cockpit on a runtime that is the one asked for.
func (c *call) show(ctx context.Context, cl *control.Client, s *control.Snapshot, o CockpitOptions) error {
	defer func() { _ = cl.Close() }()
	if err := c.otherConfig(s); err != nil {
		return err
	}
	if err := c.Cockpit(ctx, cl, c.options(o)); err != nil {
		return err
	}
	if o.OwnsRuntime {
		c.farewell(ctx, cl)
	}
	return nil
}

func (c *call) options(o CockpitOptions) CockpitOptions {
	o.Target, o.ReadOnly, o.Theme = c.socketPath(), c.readOnly, c.theme
	o.NoColor = c.noColor || c.Env("NO_COLOR") != ""
	return o
}

// otherConfig refuses to show one config to someone who asked for another.
func (c *call) otherConfig(s *control.Snapshot) error {
	if c.config == "" || sameFile(absolute(c.config), s.Config.Path) {
		return nil
	}
	runs := s.Config.Path
	if runs == "" {
		runs = "the demo"
	}
	return &control.Error{
		Code:    control.CodeConflict,
		Message: fmt.Sprintf("the runtime at %s (pid %d) runs %s, not %s", c.socketPath(), s.PID, runs, absolute(c.config)),
		Details: []control.Detail{
			{Message: "rockstar-tui attach opens the cockpit on the running one"},
			{Message: "rockstar-tui --socket PATH -c FILE starts another runtime"},
		},
	}
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// startAndShow starts a runtime of its own. cause is why none was found.
func (c *call) startAndShow(ctx context.Context, cause error) error {
	if c.readOnly {
		return &control.Error{Code: control.CodeUnavailable, Message: cause.Error(),
			Details: []control.Detail{{Message: "with --read-only, rockstar-tui does not start one"}}}
	}
	log, err := c.spawn(ctx)
	lost := errors.Is(err, control.ErrConflict) // somebody else was faster
	if err != nil && !lost {
		return err
	}
	cl, s, dialErr := c.dialUntil(ctx, c.startTimeout)
	if dialErr != nil {
		return errors.Join(err, dialErr)
	}
	return c.show(ctx, cl, s, CockpitOptions{OwnsRuntime: !lost, LogFile: log})
}

// dialUntil dials until a runtime answers or the time is up.
func (c *call) dialUntil(ctx context.Context, d time.Duration) (*control.Client, *control.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for {
		cl, s, err := c.dial(ctx)
		if err == nil || !errors.Is(err, control.ErrUnavailable) {
			return cl, s, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// farewell tells who left a runtime running how to come back to it.
func (c *call) farewell(ctx context.Context, cl *control.Client) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := cl.Snapshot(ctx)
	if err != nil {
		return
	}
	p := &render.Page{}
	p.Line("The runtime keeps running, pid %d. rockstar-tui attaches to it, rockstar-tui shutdown ends it.", s.PID)
	_, _ = c.Stdout.Write(p.Bytes())
}
