package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) unsetCommand() *cobra.Command {
	var yes bool
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "unset PATH...",
		Short: "Reset values to those of the config file",
		Long: `unset undoes changes made by hand: each value returns to that of the config
file; if the file does not have it, it is removed and inherited again. A
listener or pool that the file does not have is removed. If this would end
connections, workers or a serving listener, unset asks for confirmation on a
terminal; elsewhere it needs --yes.`,
		Example: `  rockstar-tui unset listeners.web.timeouts.idle
  rockstar-tui unset listeners.web.timeouts.read listeners.web.enabled
  rockstar-tui unset listeners.trial --yes`,
		Args:              rangeArgs(1, -1),
		ValidArgsFunction: c.completePath,
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	o.patching(cmd)
	o.waiting(cmd, drainTime)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.carryOut(cmd, o, func(cl *control.Client, _ *control.Snapshot) (edits, error) {
			patch := unsetting(args)
			if yes {
				return edits{patch: patch}, nil
			}
			return edits{patch: patch}, c.consent(cmd, cl, o, patch)
		})
	}
	return cmd
}

func unsetting(paths []string) config.Patch {
	var patch config.Patch
	for _, path := range paths {
		patch = append(patch, config.Edit{Path: path, Unset: true})
	}
	return patch
}

// consent asks about what is disruptive, as the cockpit does. What was agreed to
// is then true for that generation only.
func (c *call) consent(cmd *cobra.Command, cl *control.Client, o *changing, patch config.Patch) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), readTimeout)
	defer cancel()
	plan, err := cl.Plan(ctx, control.Change{Patch: patch, Base: o.base, Actor: actor()})
	switch {
	case err != nil:
		return err
	case !plan.Disruptive():
		return nil
	case !c.canAsk():
		return usageError(cmd, "%s: %s; not a terminal: add --yes to confirm", cmd.Name(), plan.Summary)
	case !c.confirm(cmd.Context(), fmt.Sprintf("%s. Do it? [y/N] ", plan.Summary)):
		return failed("nothing was changed")
	}
	o.base = plan.Generation
	return nil
}
