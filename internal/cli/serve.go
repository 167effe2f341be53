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
		Long: `serve runs the runtime until it is interrupted, terminated or shut down, and
then drains it. It is what a service manager starts. With --read-only nobody
can change it through its control socket.

The state directory keeps the history, and how to take back a trial if the
runtime dies meanwhile. It is that of --state, else $STATE_DIRECTORY as set by
systemd, else below $XDG_STATE_HOME; none keeps nothing.

SIGINT, SIGTERM   drain and end
SIGHUP            read the config file again; but if serve was started from a
                  terminal, a hang-up means that the terminal has gone away,
                  and serve goes on without it
SIGUSR2           let the program that now lies at this one's path take over,
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
	f.BoolVar(&keep, "keep-overrides", false, "what is changed by hand survives a restart")
	f.BoolVar(&fallback, "fallback-last-good", false, "if the config is broken, start with what last ran")
	_ = cmd.MarkFlagDirname("state")
	return cmd
}

// serve runs the runtime and tells the one who waits for it how it began.
func (c *call) serve(ctx context.Context, o ServeOptions) error {
	parent := inheritedParent()
	if strings.HasPrefix(o.Socket, sshScheme) {
		return &exitError{exitUsage, &control.Error{Code: codeUsage, Message: "serve: the control socket is a path, not " + o.Socket}}
	}
	o.Ready = func() { parent.tell(birth{Ready: true}) }
	o.Terminal = isTerminal(c.Stdin) || isTerminal(c.Stderr)
	err := startError(o.ConfigPath, c.Serve(ctx, o))
	if err != nil {
		parent.tell(birth{Error: asError(err), Exit: exitCode(err)})
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
