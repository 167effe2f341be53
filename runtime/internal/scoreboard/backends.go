package scoreboard

import (
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// BackendTotals are what all processes together count of a backend. Each of them
// finds out by itself whether it reaches it.
type BackendTotals struct {
	pool.Totals
	// UpIn and DownIn are how many processes say that it is up, and down.
	UpIn, DownIn int
}

func (b BackendTotals) add(t pool.Totals) BackendTotals {
	b.Totals = b.Totals.Add(t)
	switch t.Up {
	case pool.StateUp:
		b.UpIn++
	case pool.StateDown:
		b.DownIn++
	}
	return b
}

// State is what most of those say who have tried, as in [control.BackendInfo].
func (b BackendTotals) State() string {
	switch {
	case b.UpIn+b.DownIn == 0:
		return control.BackendUnknown
	case b.DownIn >= b.UpIn:
		return control.BackendDown
	}
	return control.BackendUp
}

// Sum adds up what is counted of each backend, by "pool/backend": by the processes
// that are gone, and by those whose boards each calls its argument with.
func (c *Cells) Sum(each func(func(*Board))) map[string]BackendTotals {
	cells, retired := c.All()
	sum := map[string]BackendTotals{}
	for backend, totals := range retired {
		sum[backend] = BackendTotals{Totals: totals}
	}
	each(func(b *Board) {
		for backend, cell := range cells {
			sum[backend] = sum[backend].add(b.Backend(cell))
		}
	})
	return sum
}
