package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// lasting are the flags of changes that need not be for good.
type lasting struct {
	confirm, expires time.Duration
	guard            string
	persist          bool
}

// limited adds them.
func (o *changing) limited(cmd *cobra.Command) {
	f := cmd.Flags()
	f.DurationVar(&o.confirm, "confirm", 0, "start a trial: roll back after `TIME` unless confirmed")
	f.StringVar(&o.guard, "guard", "", "with --confirm: roll back at `LIMITS`, errors=5,crashes=1")
	f.DurationVar(&o.expires, "for", 0, "return to the file's values after `TIME`")
	f.BoolVar(&o.persist, "persist", false, "also write these values to the config file")
}

// lastingHelp explains them, for the commands that have them.
const lastingHelp = `

With --confirm TIME the change is a trial: the runtime rolls it back unless you
run rockstar-tui confirm in time, even if this program, its terminal or the
runtime itself dies. Until then, no other change is allowed. With --guard the
runtime rolls back as soon as it counts this many errors, error_percent, crashes
(of workers) or refused (connections). With --for TIME the changed values return
to those of the file after that time.`

// guardOf reads the limits of a guard: errors=5,error_percent=10.
func guardOf(cmd *cobra.Command, text string) (*control.Guard, error) {
	if text == "" {
		return nil, nil
	}
	g := &control.Guard{}
	for limit := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(limit, "=")
		n, err := strconv.ParseFloat(value, 64)
		whole := map[string]*int{"errors": &g.Errors, "crashes": &g.Crashes, "refused": &g.Refused}[name]
		switch {
		case err != nil || !(n > 0 && n <= 1e9):
			return nil, usageError(cmd, "%s: --guard: %q is not a limit like errors=5", cmd.Name(), limit)
		case name == "error_percent":
			g.ErrorPercent = n
		case whole == nil:
			return nil, usageError(cmd, "%s: --guard: unknown limit %q: use errors, error_percent, crashes or refused", cmd.Name(), name)
		case n != float64(int(n)):
			return nil, usageError(cmd, "%s: --guard: %s=%s is not a whole number", cmd.Name(), name, value)
		default:
			*whole = int(n)
		}
	}
	return g, nil
}

// change is one with who and why, on which generation and for how long.
func (o *changing) change(cmd *cobra.Command) (control.Change, error) {
	guard, err := guardOf(cmd, o.guard)
	return control.Change{
		Base: o.base, Actor: actor(), Reason: o.reason, Guard: guard, Persist: o.persist,
		Confirm: config.Duration(o.confirm), Expires: config.Duration(o.expires),
	}, err
}

// onTrial says how a trial that has begun ends.
func onTrial(r *control.Result) []string {
	if r.Until == nil {
		return nil
	}
	return []string{fmt.Sprintf("on trial until %s: rockstar-tui confirm keeps it, rockstar-tui rollback undoes it",
		r.Until.Local().Format(time.TimeOnly))}
}

func (c *call) applyCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "apply FILE",
		Short: "Apply the content of another config file",
		Long: `apply applies the config in FILE: all or nothing; if any part fails, nothing
changes. - means standard input. Relative paths in it start at the runtime's own
config file, which does not change; status shows the difference. To see first
what FILE would do, use rockstar-tui plan FILE.` + lastingHelp,
		Example: `  rockstar-tui apply new.yaml
  rockstar-tui apply new.yaml --confirm 60s --guard errors=5,crashes=1
  rockstar-tui apply - --if-generation 7 --reason "the autumn sale" < new.yaml`,
		Args: rangeArgs(1, 1),
	})
	o.patching(cmd)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		text, err := c.readConfig(args[0])
		if err != nil {
			return failed("apply: %v", err)
		}
		change, err := o.change(cmd)
		if err != nil {
			return err
		}
		change.Config = string(text)
		return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
			if change.Base == 0 {
				change.Base = s.Generation
			}
			r, err := applied(cmd.Context(), cl, change)
			if err != nil {
				return ofFile(err, s.Config.Path, args[0])
			}
			return c.done(cmd.Context(), cl, o, r)
		})
	}
	return cmd
}

func (c *call) confirmCommand() *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "confirm",
		Short: "Confirm the change that is on trial",
		Long: `confirm ends the trial that --confirm started, and keeps the change. It fails
if no trial is running: its time was up, its guard has tripped, or somebody else
has ended it.`,
		Example: "  rockstar-tui confirm\n  rockstar-tui confirm --if-generation 8 --reason \"looks good\" --json",
		Args:    noArgs,
	})
	o.onGeneration(cmd)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return c.act(cmd, o, control.Action{Kind: control.Confirm, Base: o.base})
	}
	return cmd
}

// onGeneration adds the flag that says which trial is meant.
func (o *changing) onGeneration(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&o.base, "if-generation", 0, "refuse unless generation `N` is running")
}

func (c *call) heldCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "held",
		Short: "Show a config change that waits for approval",
		Long: `held shows a change of the config file that the runtime has not applied yet:
either it would end so much that it may be a mistake and needs your approval, or
a trial is running, and the change takes effect after it.`,
		Example: "  rockstar-tui held\n  rockstar-tui held accept",
		Args:    c.noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.look(cmd.Context(), func(_ *control.Client, s *control.Snapshot) error { return c.held(s) })
		},
	}
	cmd.AddCommand(c.decision(control.AcceptHeld, &cobra.Command{
		Use: "accept", Short: "Apply the waiting config change", Args: noArgs,
		Example: "  rockstar-tui held accept --reason \"it is meant\"",
	}), c.decision(control.RejectHeld, &cobra.Command{
		Use: "reject", Short: "Reject it; the next save of the file is applied as usual", Args: noArgs,
		Example: "  rockstar-tui held reject --reason \"wrong host\"",
	}))
	return cmd
}

// held prints what is held.
func (c *call) held(s *control.Snapshot) error {
	return c.print(map[string]*control.Held{"held": s.Config.Held}, func(p *render.Page) {
		if s.Config.Held == nil {
			p.Line("no config change waits for approval")
			return
		}
		render.Held(p, s)
		render.Changes(p, s.Config.Held.Changes, terminalWidth(c.Stdout))
	})
}

func (c *call) rollbackCommand() *cobra.Command {
	return c.goingBack("rollback [GENERATION]", rangeArgs(0, 1), `rollback undoes the change that is on trial. With a number it applies that
generation of the history again; rockstar-tui config history lists them.`,
		"  rockstar-tui rollback\n  rockstar-tui rollback 41 --reason \"the new limits are too tight\"")
}

// goingBack is rollback, under each of its names.
func (c *call) goingBack(use string, args cobra.PositionalArgs, long, example string) *cobra.Command {
	cmd, o := c.changingCommand(&cobra.Command{
		Use: use, Short: "Undo the change on trial, or return to a generation",
		Long: long, Example: example, Args: args,
	})
	o.onGeneration(cmd)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		action := control.Action{Kind: control.Rollback, Base: o.base}
		if len(args) == 1 {
			n, err := generationOf(cmd, args[0])
			if err != nil {
				return err
			}
			action.Generation = n
		}
		return c.act(cmd, o, action)
	}
	return cmd
}

// decision is a command that does one action and has no arguments.
func (c *call) decision(kind string, of *cobra.Command) *cobra.Command {
	cmd, o := c.changingCommand(of)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return c.act(cmd, o, control.Action{Kind: kind}) }
	return cmd
}

// act does an action and prints its result.
func (c *call) act(cmd *cobra.Command, o *changing, action control.Action) error {
	return c.look(cmd.Context(), func(cl *control.Client, _ *control.Snapshot) error {
		r, err := o.act(cmd.Context(), cl, action)
		if err != nil {
			return err
		}
		return c.done(cmd.Context(), cl, o, r)
	})
}

func generationOf(cmd *cobra.Command, text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 {
		return 0, usageError(cmd, "%s: %q is not the number of a generation: see rockstar-tui config history", cmd.Name(), text)
	}
	return n, nil
}
