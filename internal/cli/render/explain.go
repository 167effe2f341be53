package render

import (
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// Explain writes a line per key of all, and a paragraph per key that was asked for.
func Explain(p *Page, keys []config.Key, short bool) {
	if short {
		var rows [][]string
		for _, k := range keys {
			rows = append(rows, []string{k.Path, k.Type, k.Default, string(k.Effect)})
		}
		p.Table("KEY|TYPE|DEFAULT|EFFECT", rows)
		return
	}
	for i, k := range keys {
		if i > 0 {
			p.Line("")
		}
		p.Line("%s", k.Path)
		p.Line("  %s", k.Doc)
		p.Line("  type           %s", typeOf(k))
		if k.Default != "" {
			p.Line("  default        %s", k.Default)
		}
		if k.Required {
			p.Line("  required")
		}
		if k.Example != "" {
			p.Line("  example        %s", k.Example)
		}
		p.Line("  takes effect   %s", k.TakesEffect)
	}
}

func typeOf(k config.Key) string {
	switch {
	case len(k.Choices) > 0:
		return "one of " + strings.Join(k.Choices, ", ")
	case k.Min != "":
		return k.Type + ", " + k.Range()
	}
	return k.Type
}
