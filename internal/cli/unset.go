package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) unsetCommand() *cobra.Command {
	var yes bool
	cmd, o := c.changingCommand(&cobra.Command{
		Use:   "unset PATH...",
		Short: "Take values back to what the config file says",
		Long: `unset undoes what was changed by hand: a value is again what the config file
says, and one that the file does not have is removed, so that it is inherited.
A listener or pool that the file does not have goes as a whole. If that ends
connections it asks first on a terminal; elsewhere it wants to see --yes.`,
		Example: `  rockstar-tui unset listeners.web.timeouts.idle
  rockstar-tui unset listeners.web.timeouts.read listeners.web.enabled
  rockstar-tui unset listeners.trial --yes`,
		Args:              rangeArgs(1, -1),
		ValidArgsFunction: c.completePath,
	})
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	o.patching(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
			o.seen(s)
			patch := unsetting(args)
			if !yes && hasWhole(args) {
				if err := c.consent(cmd, cl, o, patch); err != nil {
					return err
				}
			}
			r, err := o.apply(cmd, cl, patch)
			if err != nil {
				return err
			}
			return c.done(r)
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

// hasWhole reports whether a path is that of a whole listener or pool, or of
// all of them. Names have no dots.
func hasWhole(paths []string) bool {
	for _, path := range paths {
		words := strings.Split(path, ".")
		if (words[0] == "listeners" || words[0] == "pools") && len(words) <= 2 {
			return true
		}
	}
	return false
}

// consent asks about what would end connections or retire workers. What was
// agreed to is then true for that revision only.
func (c *call) consent(cmd *cobra.Command, cl *control.Client, o *changing, patch config.Patch) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), readTimeout)
	defer cancel()
	plan, err := cl.Plan(ctx, control.Change{Patch: patch, Base: o.base, Actor: actor()})
	switch {
	case err != nil:
		return err
	case isHarmless(plan):
		return nil
	case !c.canAsk():
		return usageError(cmd, "%s: %s; nobody can be asked here, say --yes", cmd.Name(), plan.Summary)
	case !c.confirm(cmd.Context(), fmt.Sprintf("%s. Do it? [y/N] ", plan.Summary)):
		return failed("nothing was changed")
	}
	o.base = plan.Revision
	return nil
}

// isHarmless reports whether a plan ends no connection and retires no worker.
func isHarmless(plan *control.Plan) bool {
	for _, l := range plan.Listeners {
		if l.Drained > 0 || l.WorkersRetired > 0 {
			return false
		}
	}
	return true
}
