// Package cli is the command line of rockstar-tui. It reads arguments, watches
// and operates a runtime through [control.Controller], and prints for people
// or, with --json, for scripts. It knows neither the runtime nor the screens:
// [Program] is given functions for both.
package cli

import (
	"context"
	"io"
	"os"
	"regexp"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Program is what the command line starts, and where it reads and writes.
type Program struct {
	// Version of the program, without a leading v.
	Version string
	// Serve runs the runtime in this process until ctx ends or it is shut down.
	Serve func(ctx context.Context, o ServeOptions) error
	// Cockpit shows the terminal app on a runtime until its user leaves.
	Cockpit func(ctx context.Context, ctl control.Controller, o CockpitOptions) error
	// Embedded runs runtime and cockpit in this one process.
	Embedded func(ctx context.Context, s ServeOptions, c CockpitOptions) error

	// Stdin, Stdout and Stderr default to those of the process.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Env looks up an environment variable, empty if unset. Default os.Getenv.
	Env func(string) string

	startTimeout time.Duration // of a runtime the cockpit starts; for tests
}

// ServeOptions say how a runtime is to be started.
type ServeOptions struct {
	// ConfigPath is absolute; empty means the demo.
	ConfigPath string
	// Socket is the path of the control socket.
	Socket string
	// ReadOnly makes every client of the control socket a viewer.
	ReadOnly bool
	// Terminal is true when standard input or error is a terminal. A hang-up
	// then means that the terminal went away and is to be ignored; without one
	// it asks for a reload.
	Terminal bool
	// StateDir keeps the history and the way back from a trial; empty keeps nothing.
	StateDir string
	// KeepOverrides makes what was changed by hand survive a restart.
	KeepOverrides bool
	// FallbackLastGood starts with what last ran if the config is not good.
	FallbackLastGood bool
	// Ready is called once, when the runtime serves and its socket answers.
	Ready func()
}

// CockpitOptions say how the cockpit is to be shown.
type CockpitOptions struct {
	// Target is what the cockpit looks at, as a label: the socket's path.
	Target string
	// ReadOnly takes away every key that changes something. The controller
	// given with it refuses changes, too.
	ReadOnly bool
	// OwnsRuntime is true when this very call started the runtime, so that
	// leaving asks what shall become of it.
	OwnsRuntime bool
	// Embedded is true when the runtime lives in this process.
	Embedded bool
	// Theme by name or file; empty means the default.
	Theme string
	// NoColor asks for the monochrome rendering: --no-color or NO_COLOR.
	NoColor bool
	// LogFile is where a runtime of its own writes its log, empty otherwise.
	LogFile string
}

// Run carries out one command line, args without the program's name, and
// returns the exit code of the process.
func (p *Program) Run(ctx context.Context, args []string) int {
	c := newCall(p)
	root := c.root()
	root.SetArgs(shieldNegative(args))
	if err := root.ExecuteContext(ctx); err != nil {
		c.json = c.json || asksJSON(args)
		return c.fail(err)
	}
	return exitDone
}

// call is one run of a command line: the program and its global flags.
type call struct {
	Program

	config, socket, theme   string
	state                   string // of serve
	json, readOnly, noColor bool
	embedded                bool
}

func newCall(p *Program) *call {
	c := &call{Program: *p}
	if c.Stdin == nil {
		c.Stdin = os.Stdin
	}
	if c.Stdout == nil {
		c.Stdout = os.Stdout
	}
	if c.Stderr == nil {
		c.Stderr = os.Stderr
	}
	if c.Env == nil {
		c.Env = os.Getenv
	}
	if c.startTimeout == 0 {
		c.startTimeout = startTimeout
	}
	return c
}

func (c *call) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "rockstar-tui",
		Short: "Watch and operate live listeners from the terminal",
		Long: `rockstar-tui opens the cockpit on the running runtime. If none answers on the
control socket, it first starts one in a separate session; that runtime keeps
running when you leave the cockpit, close the terminal or log out. Without a
config file, the runtime runs a demo: two listeners, a pool and some traffic.

The config file is that of -c, or of $ROCKSTAR_CONFIG, or else the demo.
The control socket is that of --socket, or of $ROCKSTAR_SOCKET, or else
` + defaultSocket() + `.

Exit codes: 0 done, 1 failed, 2 usage, 3 no runtime answers, 4 conflict,
5 denied, 6 refused (the old config keeps running), 78 bad config at start.`,
		Example: `  rockstar-tui                       open the cockpit, on a demo if nothing runs
  rockstar-tui -c my.yaml            open it on your own config
  rockstar-tui serve -c my.yaml      run the runtime alone, in the foreground
  rockstar-tui scale web 6           give the listener web six workers
  rockstar-tui status --json         print the whole state, for scripts`,
		Version:           c.Version,
		Args:              c.noSuchCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return c.cockpit(cmd.Context()) },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(c.Stdin)
	root.SetOut(c.Stdout)
	root.SetErr(c.Stderr)
	root.SetUsageFunc(usage)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usageError(cmd, "%v", err) })
	c.globalFlags(root)
	root.Flags().BoolVar(&c.embedded, "embedded", false, "run the runtime in this process; it survives its terminal")
	c.addCommands(root)
	return root
}

func (c *call) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVarP(&c.config, "config", "c", "", "config `FILE` (default $ROCKSTAR_CONFIG, else the demo)")
	f.StringVar(&c.socket, "socket", "", "`PATH` of the control socket (default $ROCKSTAR_SOCKET)")
	f.BoolVar(&c.json, "json", false, "print one JSON document, also for errors")
	f.BoolVar(&c.readOnly, "read-only", false, "refuse commands that change the runtime")
	f.StringVar(&c.theme, "theme", "", "theme `NAME` for the cockpit")
	f.BoolVar(&c.noColor, "no-color", false, "cockpit without colours (like NO_COLOR)")
	_ = root.MarkPersistentFlagFilename("config", "yaml", "yml")
	_ = root.MarkPersistentFlagFilename("socket")
}

// Groups of commands in the help.
const (
	groupRun    = "run"
	groupLook   = "look"
	groupChange = "change"
	groupOther  = "other"
)

func (c *call) addCommands(root *cobra.Command) {
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{groupRun, "Run:", []*cobra.Command{c.serveCommand(), c.attachCommand(), c.upgradeCommand(), c.shutdownCommand()}},
		{groupLook, "Look:", []*cobra.Command{c.statusCommand(), c.checkCommand(), c.listenersCommand(), c.workersCommand(),
			c.poolsCommand(), c.connectionsCommand(), c.eventsCommand()}},
		{groupChange, "Change:", []*cobra.Command{c.startCommand(), c.stopCommand(), c.scaleCommand(), c.setCommand(),
			c.unsetCommand(), c.restartCommand(), c.drainCommand(), c.reloadCommand(), c.planCommand(),
			c.applyCommand(), c.confirmCommand(), c.rollbackCommand(), c.heldCommand()}},
		{groupOther, "Other:", []*cobra.Command{c.configCommand(), c.versionCommand(), c.completionCommand()}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, cmd := range g.commands {
			cmd.GroupID = g.id
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID(groupOther)
}

// noSuchCommand answers a word that is no command.
func (c *call) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return usageError(cmd, "unknown command %q%s", args[0], didYouMean(args[0], names))
}

// negative matches negative numbers, with a unit or without: -1, -2.5, -5s.
var negative = regexp.MustCompile(`^-[0-9][0-9A-Za-z.]*$`)

// shieldNegative moves negative numbers behind a "--", so that "scale web -1"
// and "set PATH -5" are not read as flags.
func shieldNegative(args []string) []string {
	at := slices.IndexFunc(args, func(a string) bool { return a == "scale" || a == "set" })
	if at < 0 || slices.Contains(args, "--") {
		return append([]string{}, args...)
	}
	flags, numbers := append([]string{}, args[:at]...), []string{"--"}
	for _, a := range args[at:] {
		if negative.MatchString(a) {
			numbers = append(numbers, a)
		} else {
			flags = append(flags, a)
		}
	}
	if len(numbers) == 1 {
		return flags
	}
	return append(flags, numbers...)
}

// asksJSON finds --json on a command line that could not be parsed.
func asksJSON(args []string) bool {
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

func (c *call) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program",
		Example: "  rockstar-tui version\n  rockstar-tui version --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := version{c.Version, goruntime.Version(), goruntime.GOOS, goruntime.GOARCH}
			return c.print(v, func(p *render.Page) {
				p.Line("rockstar-tui %s (%s, %s/%s)", v.Version, v.Go, v.OS, v.Arch)
			})
		},
	}
}

type version struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}
