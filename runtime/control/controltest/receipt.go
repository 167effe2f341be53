package controltest

import "github.com/echterhof/rockstar-tui/runtime/control"

// keptReceipts is how many a Fake remembers.
const keptReceipts = 20

// receipt adds to a state the receipt of what led to it, which is closed: nothing
// has to drain.
func receipt(from, to *control.Snapshot, summary, actor, cause string) uint64 {
	r := control.Receipt{ID: 1, Summary: summary, Actor: actor, Since: to.Time, Closed: true}
	if n := len(from.Receipts); n > 0 {
		r.ID = from.Receipts[n-1].ID + 1
	}
	for i := range to.Listeners {
		was := 0
		if l := find(from, to.Listeners[i].Name); l != nil {
			was = open(l)
		}
		is := open(&to.Listeners[i])
		r.Kept += is
		r.Add(to.Listeners[i].Name, cause, was-is)
	}
	r.Planned = control.ReceiptPlan{Drained: r.Drained + r.Cut, Cut: r.Cut}
	to.Receipts = append(from.Receipts[max(0, len(from.Receipts)-keptReceipts+1):len(from.Receipts):len(from.Receipts)], r)
	return r.ID
}

func open(l *control.ListenerInfo) int { return int(l.Connections.Active + l.Connections.Idle) }
