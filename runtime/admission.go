package runtime

import (
	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// admission is what all processes of an endpoint share, so that its limits hold
// for them together: workers, those that still drain, and the master where it
// serves beside them. It lives as long as somebody refers to it.
type admission struct {
	*listener.Admission
	memory *prefork.Common
}

func newAdmission() (*admission, error) {
	c, err := prefork.NewCommon(listener.AdmissionSize)
	if err != nil {
		return nil, err
	}
	return admissionOver(c)
}

func admissionOver(c *prefork.Common) (*admission, error) {
	a, err := listener.AdmissionAt(c.Memory)
	if err != nil {
		return nil, err
	}
	return &admission{a, c}, nil
}

// place for a process that counts on b; one of its own without an admission.
func (a *admission) place(b *scoreboard.Board) listener.Place {
	if a == nil {
		return listener.Place{}
	}
	p, ok := a.Occupy(a)
	if ok {
		b.Place.Store(int64(p.Number()) + 1)
	}
	return p
}

// vacate takes off what a process counted that is gone.
func (a *admission) vacate(b *scoreboard.Board) {
	if number := b.Place.Swap(0); a != nil && number > 0 {
		a.Vacate(int(number) - 1)
	}
}

// common is the memory for workers to inherit.
func (a *admission) common() *prefork.Common {
	if a == nil {
		return nil
	}
	return a.memory
}
