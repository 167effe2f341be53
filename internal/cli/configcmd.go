package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/selfsigned"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "config",
		Short:   "Create, check or explain a config file, and show its history",
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
		Short: "Check a config file",
		Long: `validate reads FILE, or the file of -c, and prints every error as
FILE:LINE:COLUMN: PATH: problem, with a suggested fix. Exit code 78 means that
the file is invalid. - means standard input. It needs no runtime.

With --against-running, the running runtime plans the file: it binds the
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
				return usageError(cmd, "config validate: no file: name one, or use -c")
			}
			return c.validate(cmd.Context(), file, running)
		},
	}
	cmd.Flags().BoolVar(&running, "against-running", false, "also have the running runtime plan it, as plan does")
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
	return c.print(v, func(p *render.Page) {
		p.Line("%s is valid: %s, %s", v.File, words.Count(v.Listeners, "listener"), words.Count(v.Pools, "pool"))
		for _, n := range v.Notices {
			p.Line("notice: %v", n)
		}
		if v.Plan != nil {
			render.Plan(p, v.Plan, terminalWidth(c.Stdout))
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
		Short: "Write a commented config file to start from",
		Long: `init writes a commented config file, and beside it a JSON Schema with which
editors complete and check it. It never overwrites a file. Without FILE it
prints the config.`,
		Example: `  rockstar-tui config init my.yaml
  rockstar-tui config init | less`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.print(written{Config: string(config.Sample())}, func(p *render.Page) { p.Write(config.Sample()) })
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
		return &control.Error{Code: codeFailed, Message: file + " exists; choose another file name"}
	}
	if err == nil {
		if err = writeNew(schema, config.JSONSchema(), 0o644); errors.Is(err, fs.ErrExist) {
			err = nil // one that somebody put there is as good
		}
	}
	if err != nil {
		return failed("config init: %v", err)
	}
	return c.print(written{File: file, Schema: schema}, func(p *render.Page) {
		p.Line("wrote %s; rockstar-tui -c %s opens the cockpit on it", file, file)
		p.Line("wrote %s, with which your editor completes and checks it", schema)
	})
}

// certDays is how long a certificate for trying out is valid. Browsers refuse
// those of more than 825 days.
const certDays = 825

// madeCert is the JSON of a certificate that was made.
type madeCert struct {
	CertFile string    `json:"cert_file"`
	KeyFile  string    `json:"key_file"`
	Hosts    []string  `json:"hosts"`
	Expires  time.Time `json:"expires"`
}

func (c *call) certCommand() *cobra.Command {
	var hosts []string
	cmd := &cobra.Command{
		Use:   "cert [DIR]",
		Short: "Make a self-signed certificate for trying out TLS",
		Long: `cert writes cert.pem and key.pem into DIR, or the current directory. The
certificate is self-signed, for localhost, 127.0.0.1 and ::1, or for the names
and addresses of --host. cert never overwrites a file.`,
		Example: `  rockstar-tui config cert
  rockstar-tui config cert --host example.test --host 10.0.0.1 /etc/rockstar`,
		Args: rangeArgs(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return c.makeCert(dir, hosts)
		},
	}
	cmd.Flags().StringArrayVar(&hosts, "host", []string{"localhost", "127.0.0.1", "::1"}, "name or address for the certificate; may be repeated")
	return cmd
}

func (c *call) makeCert(dir string, hosts []string) error {
	made := madeCert{
		CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"),
		Hosts: hosts, Expires: time.Now().AddDate(0, 0, certDays).UTC().Truncate(time.Second),
	}
	cert, key, err := selfsigned.Certificate{Hosts: hosts, Expires: made.Expires}.PEM()
	if err != nil {
		return failed("config cert: %v", err)
	}
	for _, file := range []string{made.CertFile, made.KeyFile} {
		if _, err := os.Lstat(file); err == nil {
			return &control.Error{Code: codeFailed, Message: file + " exists; choose another directory"}
		}
	}
	if err := writeNew(made.KeyFile, key, 0o600); err != nil {
		return failed("config cert: %v", err)
	}
	if err := writeNew(made.CertFile, cert, 0o644); err != nil {
		return failed("config cert: %v", errors.Join(err, os.Remove(made.KeyFile)))
	}
	return c.print(made, func(p *render.Page) {
		p.Line("wrote %s and %s; use them in a listener of the config:", made.CertFile, made.KeyFile)
		p.Line("    protocol: http2")
		p.Line("    tls: {cert_file: %s, key_file: %s}", made.CertFile, made.KeyFile)
	})
}

// writeNew writes a file that does not exist yet.
func writeNew(file string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close(), os.Remove(file))
	}
	return f.Close()
}

func (c *call) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Explain config keys, and how a change takes effect",
		Long: `explain shows the meaning, type and default of a config key and of all keys below
it, and how a change takes effect. Write the key as in the config, in full or
only its last part. Without a key, it lists all.`,
		Example: `  rockstar-tui config explain listeners.web.timeouts.idle
  rockstar-tui config explain prefork
  rockstar-tui config explain --json`,
		Args:              rangeArgs(0, 1),
		ValidArgsFunction: c.completePath,
		RunE: func(_ *cobra.Command, args []string) error {
			path := strings.Join(args, "")
			keys, err := config.Explain(path)
			if err != nil {
				return &control.Error{Code: control.CodeNotFound, Message: "config explain: " + err.Error()}
			}
			return c.print(map[string]any{"keys": keys}, func(p *render.Page) { render.Explain(p, keys, path == "") })
		},
	}
}

func (c *call) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the config, for editors",
		Long: `schema prints the JSON Schema of the config file. With it, an editor completes
keys, shows their meaning and marks errors. config init writes it beside the
config and names it in the first line, where editors with a YAML language
server look for it.`,
		Example: "  rockstar-tui config schema > my.schema.json\n  # then, as first line of my.yaml:\n  # yaml-language-server: $schema=my.schema.json",
		Args:    rangeArgs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			_, err := c.Stdout.Write(config.JSONSchema())
			return err
		},
	}
}
