package cli

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) historyCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history [GENERATION]",
		Short: "Show changes: when, by whom, why and with which result",
		Long: `history lists the generations of the config, newest first, including refused
ones. The runtime keeps 50; with a state directory it keeps them over restarts.
With a number, history shows that generation with its changes and its config.`,
		Example: `  rockstar-tui config history
  rockstar-tui config history -n 5 --json
  rockstar-tui config history 41`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.generation(cmd, args[0])
			}
			if limit < 1 {
				return usageError(cmd, "--number %d is less than 1", limit)
			}
			return c.history(cmd.Context(), limit)
		},
	}
	cmd.Flags().IntVarP(&limit, "number", "n", 20, "show at most `N`")
	return cmd
}

func (c *call) history(ctx context.Context, limit int) error {
	return c.look(ctx, func(cl *control.Client, _ *control.Snapshot) error {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		all, err := cl.History(ctx, control.HistoryQuery{Limit: limit})
		if err != nil {
			return err
		}
		return c.print(map[string][]control.Generation{"generations": list(all)}, func(p *render.Page) { render.History(p, all) })
	})
}

// generation shows one of them.
func (c *call) generation(cmd *cobra.Command, text string) error {
	n, err := generationOf(cmd, text)
	if err != nil {
		return err
	}
	return c.look(cmd.Context(), func(cl *control.Client, _ *control.Snapshot) error {
		g, err := fetchGeneration(cmd.Context(), cl, n)
		if err != nil {
			return err
		}
		return c.print(g, func(p *render.Page) { render.Generation(p, g, terminalWidth(c.Stdout)) })
	})
}

func fetchGeneration(ctx context.Context, cl *control.Client, n uint64) (*control.Generation, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all, err := cl.History(ctx, control.HistoryQuery{Number: n, Config: true})
	if err != nil {
		return nil, err
	}
	if len(all) != 1 || all[0].Number != n {
		return nil, failed("generation %d not found", n)
	}
	return &all[0], nil
}

// difference is the JSON of what separates two generations.
type difference struct {
	From    uint64          `json:"from"`
	To      uint64          `json:"to"`
	Changes []config.Change `json:"changes"`
}

func (c *call) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff GENERATION [GENERATION]",
		Short: "Compare two generations, or one with the running config",
		Example: `  rockstar-tui config diff 40 41
  rockstar-tui config diff 40 --json`,
		Args: rangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.look(cmd.Context(), func(cl *control.Client, s *control.Snapshot) error {
				if len(args) == 1 {
					args = append(args, strconv.FormatUint(s.Config.Generation, 10))
				}
				return c.diff(cmd, cl, s.Config.Path, args)
			})
		},
	}
}

func (c *call) diff(cmd *cobra.Command, cl *control.Client, file string, args []string) error {
	var numbers [2]uint64
	var configs [2]*config.Config
	for i, text := range args {
		n, err := generationOf(cmd, text)
		if err != nil {
			return err
		}
		g, err := fetchGeneration(cmd.Context(), cl, n)
		if err != nil {
			return err
		}
		if g.Config == "" {
			return failed("generation %d was %s and has no config", n, g.Result)
		}
		if configs[i], err = config.Parse(file, []byte(g.Config)); err != nil {
			return failed("generation %d was written by another version: %v", n, err)
		}
		numbers[i] = n
	}
	d := difference{numbers[0], numbers[1], list(config.Diff(configs[0], configs[1]))}
	return c.print(d, func(p *render.Page) {
		p.Line("from generation %d to %d: %s", d.From, d.To, words.Count(len(d.Changes), "value"))
		render.Changes(p, d.Changes, terminalWidth(c.Stdout))
	})
}

func (c *call) configRollbackCommand() *cobra.Command {
	return c.goingBack("rollback GENERATION", rangeArgs(1, 1), `rollback applies an earlier generation again. The config file itself does not
change, and status shows the difference.`,
		"  rockstar-tui config rollback 41\n  rockstar-tui config rollback 41 --reason \"too tight\" --json")
}
