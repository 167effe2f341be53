package serving

import (
	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Admission is what all processes of an endpoint share, so that its limits hold
// for them together: workers, those that still drain, and the master where it
// serves beside them. It lives as long as somebody refers to it.
type Admission struct {
	shared *listener.Admission
	memory *prefork.Common
}

// NewAdmission makes one, in memory that workers inherit.
func NewAdmission() (*Admission, error) {
	c, err := prefork.NewCommon(listener.AdmissionSize)
	if err != nil {
		return nil, err
	}
	return AdmissionOver(c)
}

// AdmissionOver is the one in memory that was inherited.
func AdmissionOver(c *prefork.Common) (*Admission, error) {
	a, err := listener.AdmissionAt(c.Memory)
	if err != nil {
		return nil, err
	}
	return &Admission{a, c}, nil
}

// place for a process that counts on b; one of its own without an admission.
func (a *Admission) place(b *scoreboard.Board) listener.Place {
	if a == nil {
		return listener.Place{}
	}
	p, ok := a.shared.Occupy(a)
	if ok {
		b.Place.Store(int64(p.Number()) + 1)
	}
	return p
}

// Leave takes off what a process counted that is gone. It may be called on nil.
func (a *Admission) Leave(b *scoreboard.Board) {
	if number := b.Place.Swap(0); a != nil && number > 0 {
		a.shared.Vacate(int(number) - 1)
	}
}

// Retain keeps what these processes counted, and takes off everything else.
func (a *Admission) Retain(boards []*scoreboard.Board) {
	places := make([]int, len(boards))
	for i, b := range boards {
		places[i] = int(b.Place.Load()) - 1
	}
	a.shared.Retain(places)
}

// Memory is for workers to inherit; nil of a nil Admission.
func (a *Admission) Memory() *prefork.Common {
	if a == nil {
		return nil
	}
	return a.memory
}
