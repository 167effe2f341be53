package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// History writes a line per generation.
func History(p *Page, all []control.Generation) {
	var rows [][]string
	for _, g := range all {
		number := "-" // an attempt has none
		if g.Number > 0 {
			number = strconv.FormatUint(g.Number, 10)
		}
		if g.Running {
			number = "*" + number
		}
		rows = append(rows, []string{number, timestamp(g.Time), g.Trigger, g.Outcome(),
			strconv.Itoa(len(g.Changes)), millis(g.DurationMS), what(&g), g.Actor})
	}
	p.Table(">GEN|TIME|BY|RESULT|>VALUES|>TOOK|WHAT|WHO", rows)
	if len(all) > 0 {
		p.Line("* is running")
	}
}

// what a generation did; of a single value also which.
func what(g *control.Generation) string {
	text := said(g.Message, g.Reason)
	if len(g.Changes) != 1 {
		return text
	}
	c := g.Changes[0]
	return fmt.Sprintf("%s %s -> %s: %s", c.Path, cut(orAbsent(c.From), 20), cut(orAbsent(c.To), 20), text)
}

// Generation writes one generation with its changes, whose values are cut so that
// they fit into width columns (0 is no limit), and its config.
func Generation(p *Page, g *control.Generation, width int) {
	p.Line("%s, %s, %s: %s", g.Name(), timestamp(g.Time), g.Outcome(), g.Message)
	p.Line("by %s of %s, in %s", g.Trigger, orSomebody(g.Actor), millis(g.DurationMS))
	if g.Reason != "" {
		p.Line("why: %s", g.Reason)
	}
	Changes(p, g.Changes, width)
	if g.Config != "" {
		p.Line("")
	}
	for line := range strings.Lines(g.Config) {
		p.Line("%s", strings.TrimRight(line, "\n"))
	}
}

func timestamp(t time.Time) string { return t.Local().Format(time.DateTime) }

// said joins what was done with why.
func said(what, why string) string {
	if why == "" {
		return what
	}
	return what + " (" + why + ")"
}

func orSomebody(actor string) string {
	if actor == "" {
		return "the runtime itself"
	}
	return actor
}
