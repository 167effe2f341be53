package action

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
)

// expect has the receipt of what was done here told when it is closed.
func (o *Operator) expect(r *control.Result) {
	if r != nil && r.ID != 0 {
		o.receipts = append(o.receipts, r.ID)
	}
}

// Receipts tells what became of the connections of what was done here, as soon as
// a snapshot shows that the last of them has ended.
func (o *Operator) Receipts(s *control.Snapshot) tea.Cmd {
	var tell []tea.Cmd
	o.receipts = slices.DeleteFunc(o.receipts, func(id uint64) bool {
		r := s.Receipt(id)
		if r == nil || !r.Closed {
			n := len(s.Receipts)
			return r == nil && n > 0 && s.Receipts[n-1].ID > id // it is kept no more
		}
		switch {
		case r.Drained+r.Cut+r.Moved == 0:
		case r.AsPlanned():
			tell = append(tell, o.env.Notify(component.Done, r.String()))
		default:
			tell = append(tell, o.env.Notify(component.Problem, r.String()+", more than planned"))
		}
		return true
	})
	return tea.Batch(tell...)
}
