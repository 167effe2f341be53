package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// What check asks for.
const (
	checkLive  = "live"
	checkReady = "ready"
	checkAll   = "all"
)

// checked is the answer of check.
type checked struct {
	For string `json:"for"`
	OK  bool   `json:"ok"`
	// Reason why not, one line; empty if all is well.
	Reason string `json:"reason,omitempty"`
	// NotServing are the listeners that should serve and do not.
	NotServing []string          `json:"not_serving"`
	Problems   []control.Problem `json:"problems"`
}

func (c *call) checkCommand() *cobra.Command {
	var what string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Exit with 1 if there is a problem",
		Long: `check tests the runtime once and exits with 0 if it passes, with 1 if not. Use
it for probes and monitoring.

  live   the runtime answers
  ready  live, and all listeners serve that have not been stopped
  all    ready, and there are no problems (docs/problems.md lists them)`,
		Example: `  rockstar-tui check
  rockstar-tui check --for ready
  rockstar-tui check --json | jq '.problems[].message'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := oneOf(cmd, "for", what, checkLive, checkReady, checkAll); err != nil {
				return err
			}
			return c.check(cmd.Context(), what)
		},
	}
	cmd.Flags().StringVar(&what, "for", checkAll, "`WHAT` to check: live, ready or all")
	_ = cmd.RegisterFlagCompletionFunc("for", cobra.FixedCompletions([]string{checkLive, checkReady, checkAll}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check prints the answer and makes it the exit code.
func (c *call) check(ctx context.Context, what string) error {
	answer := checked{For: what, NotServing: []string{}, Problems: []control.Problem{}}
	var now time.Time
	err := c.look(ctx, func(_ *control.Client, s *control.Snapshot) error {
		now = s.Time
		answer.judge(s)
		return nil
	})
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		answer.Reason = asError(err).Message
	}
	if err := c.print(answer, func(p *render.Page) { answer.write(p, now) }); err != nil {
		return err
	}
	if !answer.OK {
		return errSilent
	}
	return nil
}

// judge decides by what the runtime shows.
func (a *checked) judge(s *control.Snapshot) {
	a.Problems = list(s.Problems)
	for i := range s.Listeners {
		if l := &s.Listeners[i]; l.Enabled && !serves(l) {
			a.NotServing = append(a.NotServing, l.Name)
		}
	}
	switch {
	case a.For == checkLive:
	case len(a.NotServing) > 0:
		a.Reason = words.Count(len(a.NotServing), "listener") + " not serving"
	case a.For == checkAll && len(a.Problems) > 0:
		a.Reason = words.Count(len(a.Problems), "problem")
	}
	a.OK = a.Reason == ""
}

// serves reports whether a listener has somebody who answers.
func serves(l *control.ListenerInfo) bool {
	return l.State == control.StateServing || l.State == control.StateDegraded && l.WorkersReady > 0
}

func (a *checked) write(p *render.Page, now time.Time) {
	if a.OK {
		p.Line("ok: %s", map[string]string{checkLive: "the runtime answers", checkReady: "all listeners serve", checkAll: "no problems"}[a.For])
		return
	}
	p.Line("not %s: %s", map[string]string{checkLive: "live", checkReady: "ready", checkAll: "well"}[a.For], a.Reason)
	for _, name := range a.NotServing {
		p.Line("  %s does not serve", name)
	}
	if a.For == checkAll {
		render.Problems(p, a.Problems, now)
	}
}
