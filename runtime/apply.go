package runtime

import (
	"context"
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// check finds, without touching anything that runs, what would make the
// settings fail in whoever serves them. It looks at directories that are served,
// and waits for them within bounds.
func (s step) check(ctx context.Context) error {
	if s.Ends() {
		return nil
	}
	_, err := slowdisk.Within(ctx, &s.app.files, "listener "+s.Name, slowdisk.FileTimeout, func() (struct{}, error) {
		return struct{}{}, s.try()
	})
	return err
}

func (s step) try() error {
	if e := s.running; e != nil && !s.Opens() {
		if err := e.MaySteerBy(s.to); err != nil {
			return err
		}
	}
	if err := serving.Check(s.to, s.app.programOf(s.Name), s.app.log); err != nil {
		return fmt.Errorf("listener %s: %w", s.Name, err)
	}
	return nil
}

// prepare does what can fail. It returns how to take it back, and what is to be
// retired when the change is decided.
func (s step) prepare(ctx context.Context) (undo, retire func(), err error) {
	switch {
	case s.Ends():
		return func() {}, s.managed.Stop, nil
	case s.Opens():
		return s.managed.Open(ctx, s.to)
	default:
		return s.running.Change(ctx, s.to)
	}
}
