package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) historyCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history [GENERATION]",
		Short: "Show what was changed: when, by whom, why and how it ended",
		Long: `history lists the generations of the config, the newest first: what was put into
effect, and what was refused. The runtime keeps 50 of them, over restarts too if
it has a state directory. With a number it shows that one, with its changes and
its config.`,
		Example: `  rockstar-tui config history
  rockstar-tui config history -n 5 --json
  rockstar-tui config history 41`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.generation(cmd, args[0])
			}
			return c.history(cmd.Context(), limit)
		},
	}
	cmd.Flags().IntVarP(&limit, "number", "n", 20, "at most `N`")
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
		return c.print(map[string][]control.Generation{"generations": list(all)}, func(p *page) { history(p, all) })
	})
}

func history(p *page, all []control.Generation) {
	var rows [][]string
	for _, g := range all {
		mark := ""
		if g.Running {
			mark = "*"
		}
		rows = append(rows, []string{mark + strconv.FormatUint(g.Number, 10), timestamp(g.Time), g.Trigger, g.Result,
			strconv.Itoa(len(g.Changes)), millis(g.DurationMS), what(&g), g.Actor})
	}
	p.table(">GEN|TIME|BY|RESULT|>VALUES|>TOOK|WHAT|WHO", rows)
	if len(all) > 0 {
		p.line("* is what runs")
	}
}

// what a generation did; of a single value also which.
func what(g *control.Generation) string {
	text := said(g.Message, g.Reason)
	if len(g.Changes) != 1 {
		return text
	}
	c := g.Changes[0]
	return fmt.Sprintf("%s %s -> %s: %s", c.Path, cut(orAbsent(c.From), 20), cut(orAbsent(c.To), 20), text)
}

func timestamp(t time.Time) string { return t.Local().Format(time.DateTime) }

// said joins what was done with why.
func said(what, why string) string {
	if why == "" {
		return what
	}
	return what + " (" + why + ")"
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
		return c.print(g, func(p *page) {
			p.line("generation %d, %s, %s: %s", g.Number, timestamp(g.Time), g.Result, g.Message)
			p.line("by %s of %s, in %s", g.Trigger, orSomebody(g.Actor), millis(g.DurationMS))
			if g.Reason != "" {
				p.line("why: %s", g.Reason)
			}
			changesTable(p, g.Changes, terminalWidth(c.Stdout))
			if g.Config != "" {
				p.line("")
			}
			for line := range strings.Lines(g.Config) {
				p.line("%s", strings.TrimRight(line, "\n"))
			}
		})
	})
}

func orSomebody(actor string) string {
	if actor == "" {
		return "the runtime itself"
	}
	return actor
}

// changesTable writes what separates two configs.
func changesTable(p *page, changes []config.Change, width int) {
	if len(changes) == 0 {
		return
	}
	var rows [][]string
	for _, ch := range changes {
		rows = append(rows, []string{ch.Path, orAbsent(ch.From), orAbsent(ch.To), string(ch.Effect)})
	}
	if width > 0 {
		cutValues(rows, width)
	}
	p.line("")
	p.table("PATH|FROM|TO|EFFECT", rows)
}

func fetchGeneration(ctx context.Context, cl *control.Client, n uint64) (*control.Generation, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all, err := cl.History(ctx, control.HistoryQuery{Number: n, Config: true})
	if err != nil {
		return nil, err
	}
	if len(all) != 1 || all[0].Number != n {
		return nil, failed("the runtime does not answer with generation %d", n)
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
		Short: "Tell what separates two generations, or one from what runs",
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
			return failed("generation %d is not of this version: %v", n, err)
		}
		numbers[i] = n
	}
	d := difference{numbers[0], numbers[1], list(config.Diff(configs[0], configs[1]))}
	return c.print(d, func(p *page) {
		p.line("from generation %d to %d: %s", d.From, d.To, words.Count(len(d.Changes), "value"))
		changesTable(p, d.Changes, terminalWidth(c.Stdout))
	})
}

func (c *call) configRollbackCommand() *cobra.Command {
	return c.goingBack("rollback GENERATION", rangeArgs(1, 1), `rollback makes a generation of the history run again. The config file stays as
it is, and status tells what differs.`,
		"  rockstar-tui config rollback 41\n  rockstar-tui config rollback 41 --reason \"too tight\" --json")
}

// trialText tells of what is not for good, or not decided, in the status.
func trialText(p *page, s *control.Snapshot) {
	if t := s.Config.Trial; t != nil {
		p.line("  on trial by %s for %s more: %s; confirm keeps it, rollback takes it back",
			t.Actor, age(t.Until.Sub(s.Time)), words.Count(len(t.Changes), "value"))
		if t.Guard != nil {
			p.line("  its guard ends it at %s", t.Guard)
		}
		if t.Error != "" {
			p.line("  it cannot be taken back yet: %s", t.Error)
		}
	}
	heldText(p, s)
	if n := s.Config.Fallback; n != 0 {
		p.line("  generation %d, the last good one, runs instead of the file", n)
	}
}

func heldText(p *page, s *control.Snapshot) {
	h := s.Config.Held
	if h == nil {
		return
	}
	p.line("  saved %s ago and not applied: %s%s", since(h.Since, s.Time), h.Reason, suffix(h.Summary))
	if !h.Trial {
		p.line("  held accept applies it, held reject leaves it")
	}
}

func suffix(text string) string {
	if text == "" {
		return ""
	}
	return "; " + text
}

// overrides writes what differs from the file in three columns, with who and why.
func overrides(p *page, s *control.Snapshot, differs string) {
	known := map[string]bool{}
	var rows [][]string
	for _, e := range s.Config.Edits {
		known[e.Path] = true
		expires := "-"
		if e.Expires != nil {
			expires = age(e.Expires.Sub(s.Time))
		}
		rows = append(rows, []string{"  " + e.Path, orAbsent(e.File), orAbsent(e.Value), since(e.Since, s.Time), expires, said(e.Actor, e.Reason)})
	}
	for _, path := range s.Config.Overrides {
		if !known[path] {
			p.line("  %s: %s", differs, path)
		}
	}
	if len(rows) > 0 {
		p.line("  %s:", fmt.Sprintf("%s, %s", differs, words.Count(len(rows), "value")))
		p.table("  PATH|FILE|RUNS|>SINCE|>EXPIRES IN|WHO", rows)
	}
}
