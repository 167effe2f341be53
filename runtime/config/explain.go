package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
)

// effectWords say what an effect means.
var effectWords = map[Effect]string{
	Live:    "live: at once, for open connections too",
	Drain:   "drain: at once; affected connections are closed after their current request",
	Rebind:  "rebind: a new socket is bound first, then connections of the old socket are closed after their current request",
	Restart: "restart: at the next start of the runtime",
}

// Explain describes the keys that a path means, and all that lie below them. A
// path may have names in it or a * in their place, and may begin anywhere:
// "listeners.web.timeouts.idle", "listeners.*.timeouts" and "timeouts.idle" are
// all understood. An empty path means all keys.
func Explain(path string) ([]Key, error) {
	parts := strings.Split(path, ".")
	var found []*key
	if path == "" {
		found = []*key{schema}
	} else if k := keyAt(parts); k != nil {
		found = []*key{k}
	} else {
		schema.visit(func(k *key) {
			if k.path == path || strings.HasSuffix(k.path, "."+path) {
				found = append(found, k)
			}
		})
	}
	if len(found) == 0 {
		return nil, unexplained(path, parts)
	}
	return described(found), nil
}

// described leaves out keys that only hold others, unless they were asked for.
func described(found []*key) []Key {
	var keys []Key
	for _, top := range found {
		top.visit(func(k *key) {
			holds := k.kind == section || k.kind == names
			if k != schema && (!holds || k == top) {
				keys = append(keys, k.describe())
			}
		})
	}
	return keys
}

func unexplained(path string, parts []string) error {
	var known []string
	schema.visit(func(k *key) {
		if k.name != "*" && !slices.Contains(known, k.name) {
			known = append(known, k.name)
		}
	})
	last := parts[len(parts)-1]
	message := fmt.Sprintf("no key %q", shorten(path))
	if best := words.Nearest(last, known); best != "" && best != last {
		return fmt.Errorf("%s; did you mean %q?", message, best)
	}
	return fmt.Errorf("%s; config explain lists them all", message)
}

// Reference is the reference of all keys, in Markdown.
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
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", d.Path, d.values(), d.fallback(), d.shortEffect(k.unless), d.Doc)
	})
}

// values a key takes, for a cell of a table.
func (k Key) values() string {
	switch {
	case len(k.Choices) > 0:
		return "`" + strings.Join(k.Choices, "`, `") + "`"
	case k.Least != "" && k.Type != string(list):
		return fmt.Sprintf("%s, %s", k.Type, k.Range())
	}
	return k.Type
}

func (k Key) fallback() string {
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
