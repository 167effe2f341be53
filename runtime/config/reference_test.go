package config

import (
	"fmt"
	"strings"
)

// Reference is the reference of all keys, in Markdown: docs/config.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, k := range schema.keys {
		k.reference(&b)
	}
	return b.String()
}

const referenceHead = `# Config

This page lists every key of the config file. ` + "`rockstar-tui config explain KEY`" + ` prints the same text,
` + "`rockstar-tui config schema`" + ` provides it to editors, and the cockpit shows it in its forms. All of these, and this page,
are generated from one table (` + "`make golden`" + `).

Write durations like ` + "`500ms`, `10s` or `1m30s`" + `, and sizes like ` + "`512`, `4KiB` or `10MiB`" + `. A ` + "`*`" + ` stands for a name that
you choose, or for an item of a list. Listeners inherit from ` + "`defaults`" + ` whatever they do not set themselves.

How a change takes effect:

- **live**: at once, for open connections too; no connection is closed for it.
- **drain**: at once; affected connections are closed after their current request.
- **rebind**: a new socket is bound first, then connections of the old socket are closed after their current request.
- **restart**: at the next start of the runtime.
`

func (k *key) reference(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | type | default | takes effect | |\n|---|---|---|---|---|\n", k.name, k.doc)
	k.visit(func(k *key) {
		if k.kind == names || k.kind == section && k.effect == "" && k.name != "*" {
			return
		}
		d := k.describe()
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", d.Path, d.values(), d.shownDefault(), d.shortEffect(k.unless), d.Doc)
	})
}

// values a key takes, for a cell of a table.
func (k Key) values() string {
	switch {
	case len(k.Choices) > 0:
		return "`" + strings.Join(k.Choices, "`, `") + "`"
	case k.Min != "" && k.Type != string(list):
		return fmt.Sprintf("%s, %s", k.Type, k.Range())
	}
	return k.Type
}

func (k Key) shownDefault() string {
	switch {
	case k.Required:
		return "required"
	case k.Default == "":
		return ""
	}
	return "`" + k.Default + "`"
}

func (k Key) shortEffect(unless string) string {
	if unless != "" {
		return string(k.Effect) + "; " + unless
	}
	return string(k.Effect)
}
