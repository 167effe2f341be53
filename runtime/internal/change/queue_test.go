package change

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errEnded = errors.New("ended")

// rig is a queue and what its turns did, in order.
type rig struct {
	*testing.T
	*Queue
	did chan string
}

// inBubble runs a test whose time is its own.
func inBubble(t *testing.T, test func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&rig{t, NewQueue(errEnded), make(chan string, 100)})
	})
}

// take has a turn now.
func (r *rig) take(t Turn) (context.Context, func()) {
	r.Helper()
	ctx, done, err := r.Take(r.Context(), t)
	if err != nil {
		r.Fatal(err)
	}
	return ctx, done
}

// ask asks for a turn in a goroutine, and waits until it waits.
func (r *rig) ask(ctx context.Context, name string, t Turn) {
	go func() {
		_, done, err := r.Take(ctx, t)
		if err != nil {
			r.did <- name + ": " + err.Error()
			return
		}
		r.did <- name
		done()
	}()
	synctest.Wait()
}

func (r *rig) want(names ...string) {
	r.Helper()
	synctest.Wait()
	var got []string
	for len(r.did) > 0 {
		got = append(got, <-r.did)
	}
	if !slices.Equal(got, names) {
		r.Errorf("turns %q, want %q", got, names)
	}
}

func TestTurnsComeInTheOrderOfArrival(t *testing.T) {
	inBubble(t, func(r *rig) {
		_, done := r.take(Turn{})
		var names []string
		for i := range 50 {
			name := strings.Repeat("x", i+1)
			names = append(names, name)
			r.ask(r.Context(), name, Turn{Actor: name, Patience: 30 * time.Second})
		}
		r.want()
		done()
		r.want(names...)
	})
}

func TestTheClockGoesFirst(t *testing.T) {
	inBubble(t, func(r *rig) {
		_, done := r.take(Turn{Actor: "alice"})
		r.ask(r.Context(), "bob", Turn{})
		r.ask(r.Context(), "expiry", Turn{Clock: true})
		r.ask(r.Context(), "another expiry", Turn{Clock: true})
		r.ask(r.Context(), "trial", Turn{Urgent: true})
		done()
		r.want("trial", "expiry", "another expiry", "bob")
	})
}

func TestAnUrgentTurnCancelsOneThatYields(t *testing.T) {
	inBubble(t, func(r *rig) {
		for _, yields := range []bool{true, false} {
			ctx, done := r.take(Turn{Yields: yields})
			r.ask(r.Context(), "expiry", Turn{Clock: true})
			if ctx.Err() != nil {
				r.Error("an expiry cancels a turn")
			}
			r.ask(r.Context(), "trial", Turn{Urgent: true})
			if cancelled := errors.Is(context.Cause(ctx), ErrYielded); cancelled != yields {
				r.Errorf("a turn that yields (%v) was cancelled: %v", yields, cancelled)
			}
			r.want() // until its undo is over
			done()
			r.want("trial", "expiry")
		}
	})
}

func TestWhoLeavesHasDoneNothing(t *testing.T) {
	inBubble(t, func(r *rig) {
		_, done := r.take(Turn{})
		ctx, leave := context.WithCancel(r.Context())
		r.ask(ctx, "bob", Turn{})
		r.ask(r.Context(), "carol", Turn{})
		leave()
		r.want("bob: context canceled")
		done()
		r.want("carol")
		r.ask(ctx, "bob", Turn{})
		r.want("bob: context canceled")
	})
}

func TestTurnsWithAPatienceAreToldForWhomTheyWait(t *testing.T) {
	inBubble(t, func(r *rig) {
		_, done := r.take(Turn{Actor: "alice"})
		r.ask(r.Context(), "bob", Turn{Actor: "bob", Patience: 30 * time.Second})
		r.ask(r.Context(), "renewal", Turn{})
		time.Sleep(29 * time.Second)
		r.want()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := <-r.did; !strings.HasPrefix(got, "bob: alice has been changing something since") || !strings.Contains(got, "for 30s") {
			r.Errorf("bob was told %q", got)
		}
		time.Sleep(time.Hour)
		r.want()
		done()
		r.want("renewal")
	})
}

func TestRefusedTurnsDoNotWait(t *testing.T) {
	inBubble(t, func(r *rig) {
		_, done := r.take(Turn{})
		r.ask(r.Context(), "bob", Turn{Patience: 30 * time.Second})
		r.ask(r.Context(), "renewal", Turn{})
		r.Refuse(errors.New("replaced"))
		r.want("bob: replaced")
		r.ask(r.Context(), "carol", Turn{Patience: 30 * time.Second})
		r.want("carol: replaced")
		r.Refuse(nil)
		r.ask(r.Context(), "bob", Turn{Patience: 30 * time.Second})
		done()
		r.want("renewal", "bob")
	})
}

func TestTheEndWaitsForNobody(t *testing.T) {
	inBubble(t, func(r *rig) {
		ctx, done := r.take(Turn{Actor: "alice"})
		r.ask(r.Context(), "bob", Turn{})
		began := time.Now()
		if err := r.Close(time.Second); err == nil || !strings.Contains(err.Error(), "alice") {
			r.Errorf("the end says %v, want who is left behind", err)
		}
		if took := time.Since(began); took != time.Second {
			r.Errorf("the end waited for %s, want 1s", took)
		}
		if !errors.Is(context.Cause(ctx), errEnded) {
			r.Errorf("the turn under way goes on: %v", context.Cause(ctx))
		}
		r.ask(r.Context(), "carol", Turn{Urgent: true})
		r.want("bob: ended", "carol: ended")
		done()
		if err := r.Close(time.Second); err != nil {
			r.Errorf("a second end: %v", err)
		}
	})
}

func TestTheEndWaitsForATurnThatComesBack(t *testing.T) {
	inBubble(t, func(r *rig) {
		ctx, done := r.take(Turn{})
		go func() {
			<-ctx.Done()
			time.Sleep(500 * time.Millisecond)
			done()
		}()
		if err := r.Close(time.Second); err != nil {
			r.Error(err)
		}
	})
}

func TestATurnWithinATurnIsAnError(t *testing.T) {
	inBubble(t, func(r *rig) {
		ctx, done := r.take(Turn{})
		defer done()
		if _, _, err := r.Take(ctx, Turn{}); err == nil {
			r.Error("a turn within a turn was begun")
		}
	})
}

func TestDoneTwiceIsDoneOnce(t *testing.T) {
	inBubble(t, func(r *rig) {
		_, first := r.take(Turn{})
		first()
		_, second := r.take(Turn{})
		r.ask(r.Context(), "bob", Turn{})
		first()
		r.want()
		second()
		r.want("bob")
	})
}
