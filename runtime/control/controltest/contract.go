package controltest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// patience is how long anything may take on a busy machine.
const patience = 15 * time.Second

// Harness is a fresh runtime for one test.
type Harness struct {
	Controller control.Controller
	// Listener is the name of one that is enabled and whose enabled,
	// timeouts.idle and, if it is preforked, prefork.workers may be edited.
	Listener string
	// Pass lets so much time pass for the runtime; nil if its clock is the real one.
	Pass func(time.Duration)
}

// TestController checks that a Controller keeps the contract. start makes a
// runtime for each part and cleans it up with t.Cleanup.
func TestController(t *testing.T, start func(t *testing.T) Harness) {
	parts := []struct {
		name string
		test func(*rig)
	}{
		{"SnapshotIsSound", snapshotIsSound},
		{"CallsEndWithTheirContext", callsEndWithTheirContext},
		{"WatchShowsTheStateAtOnce", watchShowsTheStateAtOnce},
		{"WatchGoesOnAtTheInterval", watchGoesOnAtTheInterval},
		{"WatchCarriesHistoryOnlyWhenAsked", watchCarriesHistoryOnlyWhenAsked},
		{"WatchMeasuresWhatIsLookedAt", watchMeasuresWhatIsLookedAt},
		{"WatchEndsWithItsContext", watchEndsWithItsContext},
		{"SlowWatcherBlocksNobody", slowWatcherBlocksNobody},
		{"PlanChangesNothing", planChangesNothing},
		{"ApplyRaisesTheGenerationAndShows", applyRaisesTheGenerationAndShows},
		{"ApplyIsInTheEvents", applyIsInTheEvents},
		{"SameChangeAgainChangesNothing", sameChangeAgainChangesNothing},
		{"EmptyChangeChangesNothing", emptyChangeChangesNothing},
		{"StaleBaseIsAConflict", staleBaseIsAConflict},
		{"ChangesOfOtherValuesAreNoConflict", changesOfOtherValuesAreNoConflict},
		{"WrongPatchesAreRefusedByPath", wrongPatchesAreRefusedByPath},
		{"OneWrongEditRefusesAll", oneWrongEditRefusesAll},
		{"WrongConfigIsRefused", wrongConfigIsRefused},
		{"PatchAndConfigExcludeEachOther", patchAndConfigExcludeEachOther},
		{"PoolsAreEdited", poolsAreEdited},
		{"StopAndStart", stopAndStart},
		{"ChangesHaveReceipts", changesHaveReceipts},
		{"StopHasAReceipt", stopHasAReceipt},
		{"RestartHasAReceipt", restartHasAReceipt},
		{"RollbackHasAReceipt", rollbackHasAReceipt},
		{"Resize", resizeWorkers},
		{"ConnectionsComeInPages", connectionsComeInPages},
		{"WrongQueriesAreRefused", wrongQueriesAreRefused},
		{"WrongActionsAreRefused", wrongActionsAreRefused},
		{"RestartOfAllWorkers", restartOfAllWorkers},
		{"TrialIsShownAndConfirmed", trialIsShownAndConfirmed},
		{"TrialIsTakenBackOnDemand", trialIsTakenBackOnDemand},
		{"TrialEndsByItself", trialEndsByItself},
		{"NothingElseChangesDuringATrial", nothingElseChangesDuringATrial},
		{"WrongTimesAreRefused", wrongTimesAreRefused},
		{"OverridesTellWhoAndWhy", overridesTellWhoAndWhy},
		{"OverridesExpire", overridesExpire},
		{"HistoryTellsWhatWasDone", historyTellsWhatWasDone},
		{"RollbackGoesToAGeneration", rollbackGoesToAGeneration},
		{"NothingIsHeld", nothingIsHeld},
		{"EventsAreReadToTheirEnd", eventsAreReadToTheirEnd},
		{"ReadingGoesOnWhereItEnded", readingGoesOnWhereItEnded},
		{"EventsAreFollowed", eventsAreFollowed},
		{"SeriesIsRead", seriesIsRead},
		{"WrongReadsAreRefused", wrongReadsAreRefused},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			p.test(&rig{T: t, Harness: start(t), ctx: ctx})
		})
	}
}

// rig is a test of one part with what most parts need.
type rig struct {
	*testing.T
	Harness
	ctx context.Context
}

func (r *rig) snapshot() *control.Snapshot {
	r.Helper()
	s, err := r.Controller.Snapshot(r.ctx)
	if err != nil {
		r.Fatalf("Snapshot: %v", err)
	}
	return s
}

func (r *rig) listener(s *control.Snapshot) *control.ListenerInfo {
	r.Helper()
	l := find(s, r.Listener)
	if l == nil {
		r.Fatalf("the snapshot has no listener %q", r.Listener)
	}
	return l
}

// set is a change of one value of the listener.
func (r *rig) set(key, value string) control.Change {
	return control.Change{Patch: config.Patch{{Path: r.path(key), Value: value}}, Actor: "contract", Reason: "test"}
}

func (r *rig) path(key string) string { return "listeners." + r.Listener + "." + key }

func (r *rig) apply(c control.Change) *control.Result {
	r.Helper()
	res, err := r.Controller.Apply(r.ctx, c)
	if err != nil {
		r.Fatalf("Apply: %v", err)
	}
	return res
}

// until waits for a snapshot that fulfils the condition.
func (r *rig) until(what string, ok func(*control.Snapshot) bool) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, patience)
	defer cancel()
	last := &control.Snapshot{}
	met := false
	err := r.Controller.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		if last = s; ok(s) {
			met = true
			cancel()
		}
	})
	if !met {
		r.Fatalf("%s: not seen, the watch ended with %v; last seen %+v", what, err, find(last, r.Listener))
	}
}

// watch runs a Watch until stop is called, which returns why it ended.
func (r *rig) watch(o control.WatchOptions, fn func(*control.Snapshot)) (stop func() error) {
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- r.Controller.Watch(ctx, o, fn) }()
	return func() error {
		cancel()
		return receive(r, "end of the watch", ended)
	}
}

func receive[V any](r *rig, what string, c <-chan V) V {
	r.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		r.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}

// offer sends if there is room.
func offer[V any](c chan<- V) func(V) {
	return func(v V) {
		select {
		case c <- v:
		default:
		}
	}
}

// wantError checks the kind of an error and that it carries a code.
func (r *rig) wantError(what string, err error, want ...error) *control.Error {
	r.Helper()
	if !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
		r.Errorf("%s: error %v, want one of %q", what, err, want)
	}
	var e *control.Error
	if !errors.As(err, &e) {
		r.Errorf("%s: error is a %T, want a *control.Error", what, err)
		return &control.Error{}
	}
	return e
}

// unchanged checks that the generation is as before.
func (r *rig) unchanged(before *control.Snapshot) {
	r.Helper()
	if now := r.snapshot(); now.Generation != before.Generation {
		r.Errorf("revision is %d, want %d as before", now.Generation, before.Generation)
	}
}
