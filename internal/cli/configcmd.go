package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check, explain or begin a config file, look at its history",
		Example: "  rockstar-tui config init my.yaml\n  rockstar-tui config validate my.yaml",
		Args:    c.noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.validateCommand(), c.initCommand(), c.explainCommand(), c.schemaCommand(),
		c.historyCommand(), c.diffCommand(), c.configRollbackCommand(), c.certCommand())
	return cmd
}

// validity is the JSON of a config that is valid.
type validity struct {
	File      string `json:"file"`
	Valid     bool   `json:"valid"`
	Listeners int    `json:"listeners"`
	Pools     int    `json:"pools"`
	// Notices are what one should know although nothing is wrong.
	Notices config.Errors `json:"notices,omitempty"`
	// Plan is what it would do to the runtime that was asked, if one was.
	Plan *control.Plan `json:"plan,omitempty"`
}

func (c *call) validateCommand() *cobra.Command {
	var running bool
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a config file, without a runtime",
		Long: `validate reads a config file, else that of -c, and prints every error in it as
FILE:LINE:COLUMN: PATH: what is wrong (what would be right). Exit code 78 means
that the file is not valid. - is standard input.

With --against-running the runtime is asked what the file would do: it binds the
addresses, loads the certificates and connects to the backends, as plan does.`,
		Example: "  rockstar-tui config validate my.yaml\n  rockstar-tui config validate my.yaml --against-running\n  rockstar-tui config validate --json < my.yaml -",
		Args:    rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file := c.config
			if file == "" {
				file = c.Env("ROCKSTAR_CONFIG")
			}
			if len(args) == 1 {
				file = args[0]
			}
			if file == "" {
				return usageError(cmd, "config validate: which file? name it, or use -c")
			}
			return c.validate(cmd.Context(), file, running)
		},
	}
	cmd.Flags().BoolVar(&running, "against-running", false, "ask the runtime what it would do, and try what could fail")
	return cmd
}

func (c *call) validate(ctx context.Context, file string, running bool) error {
	text, err := c.readConfig(file)
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	cfg, err := config.Parse(file, text)
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	v := validity{File: file, Valid: true, Listeners: len(cfg.Listeners), Pools: len(cfg.Pools), Notices: cfg.Notices(file)}
	if running {
		if v.Plan, err = c.planned(ctx, control.Change{Config: string(text), Actor: actor()}, file); err != nil {
			return err
		}
	}
	return c.print(v, func(p *page) {
		p.line("%s is valid: %s, %s", v.File, words.Count(v.Listeners, "listener"), words.Count(v.Pools, "pool"))
		for _, n := range v.Notices {
			p.line("notice: %v", n)
		}
		if v.Plan != nil {
			planText(p, v.Plan, terminalWidth(c.Stdout))
		}
	})
}

// readConfig reads a file, or standard input for -; one byte too many is left
// for the parser to complain of.
func (c *call) readConfig(file string) ([]byte, error) {
	in := io.Reader(c.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, 8<<20+1))
}

func (c *call) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented config to begin with; never overwrites one",
		Long: `init writes a commented config, and beside it the JSON Schema by which editors
complete and check it. Without FILE it prints the config.`,
		Example: `  rockstar-tui config init my.yaml
  rockstar-tui config init | less`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.print(written{Config: string(config.Sample())}, func(p *page) { p.Write(config.Sample()) })
			}
			return c.writeSample(args[0])
		},
	}
}

// written is the JSON of a config that was written, to File or into Config.
type written struct {
	File string `json:"file,omitempty"`
	// Schema is the file of the JSON Schema.
	Schema string `json:"schema,omitempty"`
	Config string `json:"config,omitempty"`
}

func (c *call) writeSample(file string) error {
	schema := strings.TrimSuffix(file, filepath.Ext(file)) + ".schema.json"
	modeline := "# yaml-language-server: $schema=" + filepath.Base(schema) + "\n"
	err := writeNew(file, append([]byte(modeline), config.Sample()...), 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &control.Error{Code: codeFailed, Message: file + " exists and is left as it is; name another file"}
	}
	if err == nil {
		if err = writeNew(schema, config.JSONSchema(), 0o644); errors.Is(err, fs.ErrExist) {
			err = nil // one that somebody put there is as good
		}
	}
	if err != nil {
		return failed("config init: %v", err)
	}
	return c.print(written{File: file, Schema: schema}, func(p *page) {
		p.line("%s is written; rockstar-tui -c %s opens the cockpit on it", file, file)
		p.line("%s is for your editor, which completes and checks with it", schema)
	})
}
