package runtime

import (
	"context"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Read hands out what is too much for a snapshot.
func (a *App) Read(ctx context.Context, q control.ReadQuery) (control.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := q.Check(); err != nil {
		return nil, err
	}
	if q.Listener != "" && !a.endpoints.Has(q.Listener) {
		return nil, control.Fail(control.CodeNotFound, message.NoListener, q.Listener)
	}
	source := func(after uint64, limit int) ([]control.Record, <-chan struct{}, error) {
		found, more := a.events.After(q.Listener, after, limit)
		return found, more, nil
	}
	if q.Kind == control.ReadSeries {
		source = func(after uint64, limit int) ([]control.Record, <-chan struct{}, error) {
			found, more := a.monitor.Points(q.Listener, after, limit)
			return found, more, nil
		}
	}
	return control.NewStream(ctx, q, a.Done(), source), nil
}
