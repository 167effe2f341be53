package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// applyTimeout bounds how long a runtime may take to decide on a change; it has
// to start workers for some of them.
const applyTimeout = 2 * time.Minute

// changing are the flags of the commands that change something.
type changing struct {
	reason  string
	base    uint64
	noWait  bool
	timeout time.Duration
	lasting
}

// changingCommand adds to cmd the refusal of --read-only and the flags that
// every change has.
func (c *call) changingCommand(cmd *cobra.Command) (*cobra.Command, *changing) {
	o := &changing{}
	cmd.Flags().SortFlags = false
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "if-revision" { // its name until generations were the only number
			name = "if-generation"
		}
		return pflag.NormalizedName(name)
	})
	cmd.Flags().StringVar(&o.reason, "reason", "", "`TEXT` for the history and the events: why")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if c.readOnly {
			return &control.Error{Code: control.CodeDenied,
				Message: fmt.Sprintf("%s changes the runtime, which --read-only does not allow", cmd.Name())}
		}
		return nil
	}
	return cmd, o
}

// patching adds the flags that only changes of the desired state have.
func (o *changing) patching(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&o.base, "if-generation", 0, "refuse if these values have changed since generation `N`")
	o.limited(cmd)
}

// drainTime is how long is waited for what drains, unless told otherwise.
const drainTime = "shutdown timeout + 10s"

// waiting adds the flags of commands that wait until it has come true.
func (o *changing) waiting(cmd *cobra.Command, bound string) {
	cmd.Flags().BoolVar(&o.noWait, "no-wait", false, "return once the change is made")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 0, "wait at most `TIME` (default "+bound+")")
}

// seen makes a change good only for the state that was looked at, unless another
// generation was asked for.
func (o *changing) seen(s *control.Snapshot) {
	if o.base == 0 {
		o.base = s.Generation
	}
}

// apply carries out a patch.
func (o *changing) apply(cmd *cobra.Command, cl *control.Client, patch config.Patch) (*control.Result, error) {
	change, err := o.change(cmd)
	if err != nil {
		return nil, err
	}
	change.Patch = patch
	return applied(cmd.Context(), cl, change)
}

func applied(ctx context.Context, cl *control.Client, change control.Change) (*control.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	return cl.Apply(ctx, change)
}

func (c *call) startCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:               "start LISTENER...",
		Short:             "Start listeners, and wait until they serve",
		Example:           "  rockstar-tui start web\n  rockstar-tui start web edge --reason \"maintenance is over\"",
		Args:              rangeArgs(1, -1),
		ValidArgsFunction: c.completeListener(-1),
	})
	o.patching(cmd)
	o.waiting(cmd, "30s")
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		return c.carryOut(cmd, o, func(_ *control.Client, s *control.Snapshot) (edits, error) {
			return edits{enable(names, true), 30 * time.Second, serving(names)}, known(s, names)
		})
	}
	return cmd
}

func (c *call) stopCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "stop LISTENER...",
		Short: "Stop listeners, and wait until they have drained",
		Long: `stop refuses new connections on these listeners and lets current requests
finish. Connections still open after the listener's shutdown timeout are closed.`,
		Example:           "  rockstar-tui stop web\n  rockstar-tui stop web edge --no-wait --reason \"moving to the new host\"",
		Args:              rangeArgs(1, -1),
		ValidArgsFunction: c.completeListener(-1),
	})
	o.patching(cmd)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, names []string) error {
		return c.carryOut(cmd, o, func(_ *control.Client, s *control.Snapshot) (edits, error) {
			return edits{enable(names, false), drainBound(s, names), stopped(names)}, known(s, names)
		})
	}
	return cmd
}

// known reports the first name that is no listener's.
func known(s *control.Snapshot, names []string) error {
	for _, name := range names {
		if _, err := findListener(s, name); err != nil {
			return err
		}
	}
	return nil
}

func enable(names []string, on bool) config.Patch {
	var patch config.Patch
	for _, name := range names {
		patch = append(patch, config.Edit{Path: "listeners." + name + ".enabled", Value: strconv.FormatBool(on)})
	}
	return patch
}

func (c *call) scaleCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "scale LISTENER N|+N|-N|auto",
		Short: "Set the number of worker processes, and wait until they are ready",
		Long: `scale sets listeners.LISTENER.prefork.workers. +N and -N add to the present
number. 0 means that the master process serves, auto one worker per CPU. Surplus
workers finish their requests first.`,
		Example:           "  rockstar-tui scale web 6\n  rockstar-tui scale web +1\n  rockstar-tui scale web -2 --no-wait",
		Args:              rangeArgs(2, 2),
		ValidArgsFunction: c.completeListener(1),
	})
	o.patching(cmd)
	o.waiting(cmd, "1m")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.carryOut(cmd, o, func(_ *control.Client, s *control.Snapshot) (edits, error) {
			l, err := findListener(s, args[0])
			if err != nil {
				return edits{}, err
			}
			workers, err := resolveWorkers(cmd, l, args[1])
			patch := config.Patch{{Path: "listeners." + l.Name + ".prefork.workers", Value: workers}}
			return edits{patch, time.Minute, ready(l.Name)}, err
		})
	}
	return cmd
}

// resolveWorkers turns what was typed into the value to set. A relative number
// is true only for the state it was counted from.
func resolveWorkers(cmd *cobra.Command, l *control.ListenerInfo, arg string) (string, error) {
	if arg == "auto" {
		return arg, nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil {
		return "", usageError(cmd, "scale: %q is not a number of workers: use 6, +1, -1 or auto", arg)
	}
	if !strings.ContainsAny(arg[:1], "+-") {
		return strconv.Itoa(n), nil
	}
	now := 0
	if l.Prefork {
		now = l.WorkersWanted
	}
	if now+n < 0 {
		return "", usageError(cmd, "scale: %s has %s, so %s is not possible", l.Name, words.Count(now, "worker"), arg)
	}
	return strconv.Itoa(now + n), nil
}

func (c *call) setCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "set PATH VALUE | PATH=VALUE...",
		Short: "Change values of the running config",
		Long: `set changes values of the running config: all or nothing. A path joins the keys
of the config file with dots; write a value as in the file. The config file
itself does not change, and status shows the difference.` + lastingHelp,
		Example: `  rockstar-tui set listeners.web.timeouts.idle 2s
  rockstar-tui set listeners.web.prefork.workers=8 --confirm 60s
  rockstar-tui set listeners.web.limits.accept_rate=9 --for 30m
  rockstar-tui set defaults.timeouts.read=5s listeners.web.limits.accept_rate=9
  rockstar-tui set pools.api.backends.b.weight 3 --reason "b has the new CPUs"`,
		Args:              rangeArgs(1, -1),
		ValidArgsFunction: c.completePath,
	})
	o.patching(cmd)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		patch, err := parseEdits(cmd, args)
		if err != nil {
			return err
		}
		return c.carryOut(cmd, o, func(*control.Client, *control.Snapshot) (edits, error) { return edits{patch: patch}, nil })
	}
	return cmd
}

// edits are a change of the running config, and what it is waited for: until the
// goal is reached, for so long at most. Without a goal there is nothing to wait for.
type edits struct {
	patch   config.Patch
	bound   time.Duration
	reached goal
}

// carryOut applies the edits that prepare makes of the present state, waits for them
// and for what they retire, and prints what came of it.
func (c *call) carryOut(cmd *cobra.Command, o *changing, prepare func(*control.Client, *control.Snapshot) (edits, error)) error {
	return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
		o.seen(s)
		e, err := prepare(cl, s)
		if err != nil {
			return err
		}
		r, err := o.apply(cmd, cl, e.patch)
		if err != nil {
			return err
		}
		ctx, cancel := o.bounded(cmd.Context())
		defer cancel()
		if e.reached != nil {
			if err := c.await(ctx, cl, o, r, e.bound, e.reached); err != nil {
				return err
			}
		}
		return c.done(ctx, cl, o, r)
	})
}

// parseEdits reads PATH VALUE, or any number of PATH=VALUE.
func parseEdits(cmd *cobra.Command, args []string) (config.Patch, error) {
	if len(args) == 2 && !strings.Contains(args[0], "=") {
		return config.Patch{{Path: args[0], Value: args[1]}}, nil
	}
	var patch config.Patch
	for _, arg := range args {
		path, value, ok := strings.Cut(arg, "=")
		if !ok || path == "" {
			return nil, usageError(cmd, "%s: %q is not PATH=VALUE", cmd.Name(), arg)
		}
		patch = append(patch, config.Edit{Path: path, Value: value})
	}
	return patch, nil
}

func (c *call) planCommand() *cobra.Command {
	file := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what a change would do, without making it",
		Long: `plan shows what a config file, or edits of the running config, would change:
which listeners start, stop, resize or rebind, what happens to each worker, and
how many connections would be closed. To find what would fail, it binds the
addresses, loads the certificates, opens the directories and connects to the
backends.`,
		Example: `  rockstar-tui plan my.yaml
  rockstar-tui plan set listeners.web.address=:9090
  rockstar-tui plan set listeners.web.prefork.workers 2 --json`,
		Args: rangeArgs(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return failed("plan: %v", err)
			}
			return c.plan(cmd.Context(), control.Change{Config: string(text), Actor: actor()}, args[0])
		},
	}
	file.AddCommand(&cobra.Command{
		Use:               "set PATH VALUE | PATH=VALUE...",
		Short:             "Show what edits of the running config would do",
		Example:           "  rockstar-tui plan set listeners.web.timeouts.idle=2s",
		Args:              rangeArgs(1, -1),
		ValidArgsFunction: c.completePath,
		RunE: func(cmd *cobra.Command, args []string) error {
			patch, err := parseEdits(cmd, args)
			if err != nil {
				return err
			}
			return c.plan(cmd.Context(), control.Change{Patch: patch, Actor: actor()}, "")
		},
	})
	return file
}

func (c *call) plan(ctx context.Context, change control.Change, file string) error {
	plan, err := c.planned(ctx, change, file)
	if err != nil {
		return err
	}
	return c.print(plan, func(p *render.Page) { render.Plan(p, plan, terminalWidth(c.Stdout)) })
}

// planned asks the runtime what a change would do; file is where a whole config is from.
func (c *call) planned(ctx context.Context, change control.Change, file string) (plan *control.Plan, err error) {
	err = c.look(ctx, func(cl *control.Client, s *control.Snapshot) error {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		if plan, err = cl.Plan(ctx, change); err != nil {
			if change.Config != "" {
				return ofFile(err, s.Config.Path, file)
			}
			return err
		}
		plan.Changes, plan.Listeners = list(plan.Changes), list(plan.Listeners)
		return nil
	})
	return plan, err
}
