package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/words"
)

// helpWidth is what help fits into.
const helpWidth = 80

// usage writes a command's usage. It is a function and no template of cobra's,
// because cobra's does not wrap flags, and templates keep the linker from
// leaving out what is not used.
func usage(cmd *cobra.Command) error {
	p := &render.Page{}
	p.Line("Usage:")
	if cmd.Runnable() {
		p.Line("  %s", cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		p.Line("  %s COMMAND", cmd.CommandPath())
	}
	if cmd.HasExample() {
		p.Line("")
		p.Line("Examples:")
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			p.Line("%s", line)
		}
	}
	subcommands(p, cmd)
	flags(p, "Flags:", cmd.LocalNonPersistentFlags())
	global := cmd.InheritedFlags()
	if !cmd.HasParent() {
		global = cmd.PersistentFlags()
	}
	flags(p, "Global flags:", global)
	if cmd.HasAvailableSubCommands() {
		p.Line("")
		p.Line("%s COMMAND --help explains a command.", cmd.CommandPath())
	}
	_, err := cmd.OutOrStderr().Write(p.Bytes())
	return err
}

func subcommands(p *render.Page, cmd *cobra.Command) {
	groups := cmd.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}
	for _, g := range groups {
		title := g.Title
		for _, sub := range cmd.Commands() {
			if sub.GroupID != g.ID || !sub.IsAvailableCommand() && sub.Name() != "help" {
				continue
			}
			if title != "" {
				p.Line("")
				p.Line("%s", title)
				title = ""
			}
			p.Line("  %-12s %s", sub.Name(), sub.Short)
		}
	}
}

func flags(p *render.Page, title string, set *pflag.FlagSet) {
	if !set.HasAvailableFlags() {
		return
	}
	p.Line("")
	p.Line("%s", title)
	p.WriteString(strings.TrimRight(set.FlagUsagesWrapped(helpWidth), "\n") + "\n")
}

// noArgs, someArgs and exactArgs are cobra's checks with errors of ours.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(cmd, "%s takes no argument, got %q", cmd.Name(), args[0])
	}
	return nil
}

func rangeArgs(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usageError(cmd, "%s: got %s, usage: %s", cmd.Name(), words.Count(len(args), "argument"), shortUse(cmd))
		}
		return nil
	}
}

func shortUse(cmd *cobra.Command) string {
	return fmt.Sprintf("%s %s", cmd.Parent().CommandPath(), cmd.Use)
}
