package cli

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Check, explain or begin a config file, or make a certificate",
		Example: "  rockstar-tui config init my.yaml\n  rockstar-tui config validate my.yaml",
		Args:    c.noSuchCommand,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.validateCommand(), c.initCommand(), c.explainCommand(), c.schemaCommand(), c.certCommand())
	return cmd
}

// validity is the JSON of a config that is valid.
type validity struct {
	File      string `json:"file"`
	Valid     bool   `json:"valid"`
	Listeners int    `json:"listeners"`
	Pools     int    `json:"pools"`
}

func (c *call) validateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a config file, without a runtime",
		Long: `validate reads a config file, else that of -c, and prints every error in it as
FILE:LINE:COLUMN: PATH: what is wrong (what would be right). Exit code 78 means
that the file is not valid. - is standard input.`,
		Example: "  rockstar-tui config validate my.yaml\n  rockstar-tui config validate --json < my.yaml -",
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
			return c.validate(file)
		},
	}
}

func (c *call) validate(file string) error {
	cfg, err := c.loadConfig(file)
	if err != nil {
		return &exitError{exitBadConfig, err}
	}
	v := validity{file, true, len(cfg.Listeners), len(cfg.Pools)}
	return c.print(v, func(p *page) {
		p.line("%s is valid: %s, %s", v.File, plural(v.Listeners, "listener"), plural(v.Pools, "pool"))
	})
}

func (c *call) loadConfig(file string) (*config.Config, error) {
	if file != "-" {
		return config.Load(file)
	}
	text, err := io.ReadAll(io.LimitReader(c.Stdin, 8<<20))
	if err != nil {
		return nil, err
	}
	return config.Parse("-", text)
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
