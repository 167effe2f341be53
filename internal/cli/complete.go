package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// completionTimeout bounds what a tab key waits for.
const completionTimeout = 500 * time.Millisecond

func (c *call) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a completion script for a shell",
		Long: `completion prints a script for your shell to load. It completes commands, flags
and the names of running listeners, workers and pools.`,
		Example: `  source <(rockstar-tui completion bash)
  rockstar-tui completion zsh > "${fpath[1]}/_rockstar-tui"
  rockstar-tui completion fish > ~/.config/fish/completions/rockstar-tui.fish
  rockstar-tui completion powershell | Out-String | Invoke-Expression`,
		Args:      rangeArgs(1, 1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.Stdout, true)
			case "zsh":
				return root.GenZshCompletion(c.Stdout)
			case "fish":
				return root.GenFishCompletion(c.Stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.Stdout)
			}
			return usageError(cmd, "completion: no script for %q: use bash, zsh, fish or powershell", args[0])
		},
	}
}

// completeListener completes names of listeners for the first arguments, or for
// all if most is negative.
func (c *call) completeListener(most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if most >= 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := slices.DeleteFunc(listenerNames(c.glance(cmd)), func(n string) bool { return slices.Contains(args, n) })
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completePath completes paths of the config, with the names of what runs.
func (c *call) completePath(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s := c.glance(cmd)
	var paths []string
	for _, k := range config.Keys() {
		paths = append(paths, named(k.Path, s)...)
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		return !strings.HasPrefix(p, typed) || strings.Contains(p, "*")
	}), cobra.ShellCompDirectiveNoFileComp
}

// named fills the names of what runs into the pattern of a key.
func named(pattern string, s *control.Snapshot) []string {
	kind, rest, found := strings.Cut(pattern, ".*")
	if !found {
		return []string{pattern}
	}
	var paths []string
	switch kind {
	case "listeners":
		for _, l := range s.Listeners {
			paths = append(paths, kind+"."+l.Name+rest)
		}
	case "pools":
		for _, p := range s.Pools {
			paths = append(paths, namedBackends(kind+"."+p.Name+rest, &p)...)
		}
	}
	return paths
}

func namedBackends(pattern string, pool *control.PoolInfo) []string {
	before, rest, found := strings.Cut(pattern, ".*")
	if !found {
		return []string{pattern}
	}
	var paths []string
	for _, b := range pool.Backends {
		paths = append(paths, before+"."+b.Name+rest)
	}
	return paths
}

// glance is the present state for a completion; an empty one if none answers.
func (c *call) glance(cmd *cobra.Command) *control.Snapshot {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTimeout)
	defer cancel()
	cl, s, err := c.dial(ctx)
	if err != nil {
		return &control.Snapshot{}
	}
	_ = cl.Close()
	return completable(s)
}

// completable leaves out what no config names: a shell would print or run what
// a terminal obeys, and whoever answers on a socket need not be what it seems.
func completable(s *control.Snapshot) *control.Snapshot {
	s.Listeners = slices.DeleteFunc(s.Listeners, func(l control.ListenerInfo) bool { return !config.IsName(l.Name) })
	s.Pools = slices.DeleteFunc(s.Pools, func(p control.PoolInfo) bool { return !config.IsName(p.Name) })
	for i := range s.Pools {
		p := &s.Pools[i]
		p.Backends = slices.DeleteFunc(p.Backends, func(b control.BackendInfo) bool { return !config.IsName(b.Name) })
	}
	return s
}

// findListener returns the listener of a name, or an error that says which one
// may have been meant.
func findListener(s *control.Snapshot, name string) (*control.ListenerInfo, error) {
	for i := range s.Listeners {
		if s.Listeners[i].Name == name {
			return &s.Listeners[i], nil
		}
	}
	return nil, &control.Error{
		Code:    control.CodeNotFound,
		Message: fmt.Sprintf("no listener %q%s", name, didYouMean(name, listenerNames(s))),
	}
}

func listenerNames(s *control.Snapshot) []string {
	names := make([]string, 0, len(s.Listeners))
	for _, l := range s.Listeners {
		names = append(names, l.Name)
	}
	return names
}

// didYouMean suggests the nearest of the names, if one is near.
func didYouMean(name string, names []string) string {
	best := words.Nearest(name, names)
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}
