package cli

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

func (c *call) serveCommand() *cobra.Command {
	var keep, fallback bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the runtime in the foreground, without a cockpit",
		Long: `serve runs the runtime in the foreground until a signal or shutdown ends it; it
then drains all connections. Use it in service managers and containers. With
--read-only, nobody can change the runtime through its control socket.

The state directory keeps the history, and what is needed to roll back a trial
if the runtime dies. It is that of --state, or of $STATE_DIRECTORY (systemd), or
else a directory below $XDG_STATE_HOME. With --state none, nothing is kept.

SIGINT, SIGTERM   drain and end
SIGHUP            reload the config file; but if serve was started from a
                  terminal, SIGHUP means that the terminal has closed, and
                  serve keeps running without it
SIGUSR2           upgrade to the program that is now at this program's path:
                  see upgrade`,
		Example: `  rockstar-tui serve -c my.yaml
  rockstar-tui serve -c my.yaml --keep-overrides --fallback-last-good
  rockstar-tui serve --socket /run/rockstar-tui/edge.sock -c edge.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := c.serveOptions()
			o.KeepOverrides, o.FallbackLastGood = keep, fallback
			return c.serve(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&c.state, "state", "", "state `DIR`ectory, or none")
	f.BoolVar(&keep, "keep-overrides", false, "keep changes made by hand over a restart")
	f.BoolVar(&fallback, "fallback-last-good", false, "if the file is broken, start with the last good config")
	_ = cmd.MarkFlagDirname("state")
	return cmd
}

// serve runs the runtime and reports its start to the process that waits for it.
func (c *call) serve(ctx context.Context, o ServeOptions) error {
	parent := inheritedParent()
	if strings.HasPrefix(o.Socket, sshScheme) {
		return &exitError{exitUsage, &control.Error{Code: codeUsage, Message: "serve: the control socket is a path, not " + o.Socket}}
	}
	o.Ready = func() { parent.tell(startupStatus{Ready: true}) }
	o.Terminal = isTerminal(c.Stdin) || isTerminal(c.Stderr)
	err := startError(o.ConfigPath, c.Serve(ctx, o))
	if err != nil {
		parent.tell(startupStatus{Error: asError(err), Exit: exitCode(err)})
	}
	return err
}

func (c *call) serveOptions() ServeOptions {
	return ServeOptions{ConfigPath: c.configPath(), Socket: c.socketPath(), ReadOnly: c.readOnly,
		StateDir: c.statePath(), Ready: func() {}}
}

// startError gives a runtime that could not start its exit code: a config that
// is wrong or missing stays so, and a service manager need not try again. There
// is no old state that keeps running, so a refusal is a plain failure.
func startError(configPath string, err error) error {
	var bad config.Errors
	var path *fs.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad), errors.Is(err, control.ErrInvalid), errors.As(err, &path) && path.Path == configPath:
		return &exitError{exitBadConfig, err}
	case errors.Is(err, socket.ErrAlreadyRunning):
		return &control.Error{Code: control.CodeConflict, Message: err.Error()}
	case errors.Is(err, control.ErrRefused):
		return &exitError{exitFailed, err}
	}
	return err
}
