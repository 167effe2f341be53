package cli

import (
	"io"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// StartWithin shortens the time that a runtime has until it is ready.
func (p *Program) StartWithin(d time.Duration) { p.startTimeout = d }

// Sanitize makes s fit for a terminal.
func Sanitize(s string) string { return sanitize(s) }

// Escaping makes JSON fit for a terminal.
func Escaping(w io.Writer) io.Writer { return escaping{w} }

// PlanText is what plan prints.
func PlanText(plan *control.Plan) string {
	p := &page{}
	planText(p, plan, 0)
	return p.String()
}
