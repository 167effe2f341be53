package scoreboard

import (
	"fmt"
	"maps"
	"sync"

	"github.com/echterhof/rockstar-tui/pool"
)

// Cells are the places of backends on all boards, by "pool/backend", and what was
// counted there by processes that are gone. A cell is never given away again: a
// process that drains may still count in it.
type Cells struct {
	mu    sync.Mutex // nothing is called while it is held
	cells map[string]int
	// retired was counted by processes that are gone.
	retired [MaxCells]pool.Totals
}

// NewCells returns cells of which none is taken.
func NewCells() *Cells { return &Cells{cells: map[string]int{}} }

// Place gives a new backend a cell, or returns the one that it has.
func (c *Cells) Place(backend string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cell, ok := c.cells[backend]; ok {
		return cell, nil
	}
	next := 0
	for _, cell := range c.cells {
		next = max(next, cell+1)
	}
	if next == MaxCells {
		return 0, fmt.Errorf("backend %s: the scoreboard is full after %d backends since the start; restart the runtime", backend, MaxCells)
	}
	c.cells[backend] = next
	return next, nil
}

// Peek only looks: a plan must not use up cells. A backend that has none gets any,
// which does for settings that nobody serves by.
func (c *Cells) Peek(backend string) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cells[backend], nil
}

// Inherit takes over the cell in which an adopted process counts a backend.
func (c *Cells) Inherit(backend string, cell int) {
	if cell < 0 || cell >= MaxCells {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cells[backend] = cell
}

// Fold keeps what a process counted that serves no more.
func (c *Cells) Fold(b *Board) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cell := range c.cells {
		c.retired[cell] = c.retired[cell].Add(b.Backend(cell).Past())
	}
}

// All are the cells in use, and what processes that are gone counted there.
func (c *Cells) All() (cells map[string]int, retired map[string]pool.Totals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	retired = map[string]pool.Totals{}
	for backend, cell := range c.cells {
		retired[backend] = c.retired[cell]
	}
	return maps.Clone(c.cells), retired
}

// State is what another program needs to go on: the cells, and by their numbers
// what was counted there.
func (c *Cells) State() (cells map[string]int, retired []pool.Totals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := 0
	for _, cell := range c.cells {
		known = max(known, cell+1)
	}
	return maps.Clone(c.cells), append([]pool.Totals{}, c.retired[:known]...)
}

// Restore goes on with the State of another program, of which there may be more than
// this one has room for.
func (c *Cells) Restore(cells map[string]int, retired []pool.Totals) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for backend, cell := range cells {
		if cell >= 0 && cell < MaxCells {
			c.cells[backend] = cell
		}
	}
	copy(c.retired[:], retired)
}
