package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

func (c *call) explainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Tell what keys mean, and how a change of them takes effect",
		Long: `explain tells of a key of the config, and of all below it, what it means, its
type and default, and how a change takes effect. A key may be named as in the
config, with or without what stands above it. Without one, all are listed.`,
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
			return c.print(map[string]any{"keys": keys}, func(p *page) { explain(p, keys, path == "") })
		},
	}
}

// explain writes a line per key of all, and a paragraph per key that was asked for.
func explain(p *page, keys []config.Key, short bool) {
	if short {
		var rows [][]string
		for _, k := range keys {
			rows = append(rows, []string{k.Path, k.Type, k.Default, string(k.Effect)})
		}
		p.table("KEY|TYPE|DEFAULT|EFFECT", rows)
		return
	}
	for i, k := range keys {
		if i > 0 {
			p.line("")
		}
		p.line("%s", k.Path)
		p.line("  %s", k.Doc)
		p.line("  type           %s", typeOf(k))
		if k.Default != "" {
			p.line("  default        %s", k.Default)
		}
		if k.Required {
			p.line("  required")
		}
		if k.Example != "" {
			p.line("  example        %s", k.Example)
		}
		p.line("  takes effect   %s", k.TakesEffect)
	}
}

func typeOf(k config.Key) string {
	switch {
	case len(k.Choices) > 0:
		return "one of " + strings.Join(k.Choices, ", ")
	case k.Least != "":
		return k.Type + ", " + k.Range()
	}
	return k.Type
}

func (c *call) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the config, for editors",
		Long: `schema prints the JSON Schema of the config file. An editor that knows it
completes keys, shows what they mean and marks what is wrong. config init writes
it beside the config and names it in the first line, where editors with a YAML
language server look for it.`,
		Example: "  rockstar-tui config schema > my.schema.json\n  # then, as first line of my.yaml:\n  # yaml-language-server: $schema=my.schema.json",
		Args:    rangeArgs(0, 0),
		RunE: func(*cobra.Command, []string) error {
			_, err := c.Stdout.Write(config.JSONSchema())
			return err
		},
	}
}
