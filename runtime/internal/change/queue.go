package change

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Turn is what somebody wants to change something for.
type Turn struct {
	// Actor is shown to those who wait; empty for the runtime itself.
	Actor string
	// Patience is how long the turn is waited for. Such a turn is also refused while
	// the queue refuses turns. Without patience, it is waited for as long as it takes.
	Patience time.Duration
	// Clock goes before everybody who is not of the clock.
	Clock bool
	// Urgent is of the clock, and cancels a turn under way that yields.
	Urgent bool
	// Yields is a turn that may be cancelled for an urgent one.
	Yields bool
}

// ErrYielded is the cause of the end of a turn's context that had to make way for
// an urgent one.
var ErrYielded = errors.New("a trial has expired and is rolled back first: try again")

// errWithin is returned to whoever asks for a turn within a turn, who would wait
// for ever.
var errWithin = errors.New("a change was asked for within a change")

// Queue hands out turns. Its zero value is not usable, see [NewQueue].
type Queue struct {
	ended error

	mu      sync.Mutex // for memory only
	present *waiter    // whose turn it is; nil if it is nobody's
	waiting []*waiter
	refusal error // of turns with a patience; nil for none
	closed  bool
}

// waiter is who waits for a turn, or has it.
type waiter struct {
	Turn
	since  time.Time // when the turn began
	cancel context.CancelCauseFunc
	answer chan error    // gets one value: nil when the turn begins
	over   chan struct{} // closed when it is given back
}

// NewQueue returns a queue. ended is the error of all turns once it is closed.
func NewQueue(ended error) *Queue { return &Queue{ended: ended} }

// within marks the context of a turn.
type within struct{ *Queue }

// Take waits for a turn. The context that it returns ends with ctx, when the queue
// is closed and when the turn has to yield; what is done in the turn goes by it.
// done gives the turn back. Who leaves before the turn has begun has done nothing.
func (q *Queue) Take(ctx context.Context, t Turn) (turn context.Context, done func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if ctx.Value(within{q}) != nil {
		return nil, nil, errWithin
	}
	w := &waiter{Turn: t, answer: make(chan error, 1), over: make(chan struct{})}
	turn, w.cancel = context.WithCancelCause(context.WithValue(ctx, within{q}, true))
	if err := q.await(ctx, w); err != nil {
		w.cancel(err)
		return nil, nil, err
	}
	return turn, sync.OnceFunc(func() { q.giveBack(w) }), nil
}

func (q *Queue) await(ctx context.Context, w *waiter) error {
	q.enter(w)
	var late <-chan time.Time
	if w.Patience > 0 {
		timer := time.NewTimer(w.Patience)
		defer timer.Stop()
		late = timer.C
	}
	var err error
	select {
	case err := <-w.answer:
		return err
	case <-ctx.Done():
		err = ctx.Err()
	case <-late:
		err = q.busy()
	}
	if !q.leave(w) { // it was answered at the same moment
		if <-w.answer == nil {
			q.giveBack(w)
		}
	}
	return err
}

// enter puts w into the queue, or answers at once.
func (q *Queue) enter(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		w.answer <- q.ended
		return
	case q.present != nil && w.Patience > 0 && q.refusal != nil:
		w.answer <- q.refusal
		return
	}
	at := len(q.waiting)
	if w.Clock || w.Urgent {
		at = slices.IndexFunc(q.waiting, func(o *waiter) bool { return !o.Clock && !o.Urgent })
	}
	if w.Urgent {
		at = slices.IndexFunc(q.waiting, func(o *waiter) bool { return !o.Urgent })
	}
	if at < 0 {
		at = len(q.waiting)
	}
	q.waiting = slices.Insert(q.waiting, at, w)
	if w.Urgent && q.present != nil && q.present.Yields {
		q.present.cancel(ErrYielded)
	}
	q.next()
}

// next begins the turn of who has waited longest. It needs mu.
func (q *Queue) next() {
	if q.present != nil || len(q.waiting) == 0 {
		return
	}
	q.present, q.waiting = q.waiting[0], q.waiting[1:]
	q.present.since = time.Now()
	q.present.answer <- nil
}

// leave takes w out of the queue; false if it does not wait any more.
func (q *Queue) leave(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i < 0 {
		return false
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	return true
}

func (q *Queue) giveBack(w *waiter) {
	w.cancel(nil)
	q.mu.Lock()
	defer q.mu.Unlock()
	close(w.over)
	q.present = nil
	if !q.closed {
		q.next()
	}
}

// Refuse refuses turns with a patience that would have to wait, until it is called with
// nil: whoever has the turn is about to end all this.
func (q *Queue) Refuse(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refusal = why; why == nil {
		return
	}
	q.waiting = slices.DeleteFunc(q.waiting, func(w *waiter) bool {
		if w.Patience > 0 {
			w.answer <- why
		}
		return w.Patience > 0
	})
}

// Close cancels the turn under way and refuses all others from now on. It waits no
// longer than limit for that turn to be given back, and returns an error that
// names who has it if it was not.
func (q *Queue) Close(limit time.Duration) error {
	q.mu.Lock()
	q.closed = true
	for _, w := range q.waiting {
		w.answer <- q.ended
	}
	q.waiting = nil
	present := q.present
	q.mu.Unlock()
	if present == nil {
		return nil
	}
	present.cancel(q.ended)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-present.over:
		return nil
	case <-timer.C:
		return q.busy()
	}
}

// busy tells whose turn it is.
func (q *Queue) busy() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	busy := control.Fail(control.CodeConflict, message.AlwaysBusy)
	if p := q.present; p != nil {
		who := p.Actor
		if who == "" {
			who = "the runtime itself"
		}
		busy = control.Fail(control.CodeConflict, message.Busy, who, p.since.Format(time.TimeOnly), time.Since(p.since).Round(time.Second))
	}
	return busy
}
