package ledger

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// noon is when the tests begin: a time without the monotonic clock, so that the
// wall can be set back.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const text = `
version: 1
listeners:
  web:
    address: ":8080"
    prefork: {workers: 4}
    timeouts: {idle: 10s}
    routes: [{match: /, respond: {body: hi}}]
  api: {address: ":8081", routes: [{match: /, respond: {body: hi}}]}
`

// rig is a Ledger that runs the text, with its clock and what it wrote.
type rig struct {
	*testing.T
	*Ledger
	time  time.Time
	files map[string]any
}

func newRig(t *testing.T, rules Rules) *rig {
	r := &rig{T: t, time: noon, files: map[string]any{}}
	if rules.History == 0 {
		rules.History = 50
	}
	r.Ledger = New(func() time.Time { return r.time }, rules)
	r.do(r.Start(Candidate{File: parse(t, text), Config: parse(t, text), Message: "2 listeners"}, nil, r.time))
	return r
}

// do carries out effects.
func (r *rig) do(e Effects) Effects {
	for _, w := range e.Writes {
		if w.Content == nil {
			delete(r.files, w.Name)
		} else {
			r.files[w.Name] = w.Content
		}
	}
	return e
}

// setting is a change of values.
func setting(actor string, values ...string) control.Change {
	c := control.Change{Actor: actor}
	for _, v := range values {
		path, value, _ := strings.Cut(v, "=")
		c.Patch = append(c.Patch, config.Edit{Path: path, Value: value, Unset: value == ""})
	}
	return c
}

// want is the config that a change asks for.
func (r *rig) want(c control.Change) *config.Config {
	r.Helper()
	to, err := r.View().Want(c, nil)
	if err != nil {
		r.Fatal(err)
	}
	return to
}

func (r *rig) commit(c control.Change) Effects {
	r.Helper()
	return r.do(r.Commit(Entry{To: r.want(c), Change: c, Trigger: control.TriggerChange, Message: "changed"}))
}

func (r *rig) try(within time.Duration, guard *control.Guard, c control.Change) Effects {
	r.Helper()
	c.Confirm, c.Guard = config.Duration(within), guard
	way := r.WayBack(c.Actor)
	r.files[way.Name] = way.Content
	return r.do(r.Try(Entry{To: r.want(c), Change: c, Message: "tried"}, map[string]Counts{"web": {Requests: 100, Errors: 1}}))
}

func (r *rig) wantIdle(want string) {
	r.Helper()
	if got, _ := r.View().Running.Get("listeners.web.timeouts.idle"); got != want {
		r.Errorf("idle is %s, want %s", got, want)
	}
}

func (r *rig) all() []control.Generation {
	r.Helper()
	all, err := r.View().History(control.HistoryQuery{})
	if err != nil {
		r.Fatal(err)
	}
	return all
}

func TestOneNumberGrowsWithWhatRuns(t *testing.T) {
	r := newRig(t, Rules{})
	if e := r.commit(setting("alice", "listeners.web.timeouts.idle=11s")); e.Generation != 2 || len(e.Changes) != 1 {
		t.Errorf("a change made %+v, want generation 2", e)
	}
	if e := r.commit(setting("alice", "listeners.web.timeouts.idle=11s")); e.Generation != 0 || len(e.Events) != 0 {
		t.Errorf("the same again made %+v, want nothing", e)
	}
	r.do(r.Refuse(Entry{To: r.want(setting("bob", "listeners.web.timeouts.idle=12s")), Change: setting("bob"), Trigger: control.TriggerChange}, errors.New("port in use")))
	if g := r.all()[0]; g.Number != 0 || g.Revision != 2 || g.Result != control.ResultRefused || len(g.Changes) != 1 || g.Running {
		t.Errorf("the attempt is %+v, want one at generation 2 without a number", g)
	}
	r.try(time.Hour, nil, setting("bob", "listeners.web.timeouts.idle=13s"))
	if _, _, err := r.Confirm(control.Action{Actor: "carol"}, nil); err != nil {
		t.Fatal(err)
	}
	if g := r.all()[0]; g.Number != 3 || g.Confirmed == nil || g.Confirmed.By != "carol" || !g.Running {
		t.Errorf("the confirmed one is %+v, want generation 3 confirmed by carol", g)
	}
	r.try(time.Hour, nil, setting("bob", "listeners.web.timeouts.idle=14s"))
	if e := r.do(r.TakeBack(Entry{To: r.View().Before(), Trigger: control.TriggerRollback})); e.Generation != 5 {
		t.Errorf("taking generation 4 back made %d, want 5", e.Generation)
	}
	r.wantIdle("13s")
}

func TestAttemptsAreKeptBesideGenerations(t *testing.T) {
	r := newRig(t, Rules{History: 4})
	for i := range 3 {
		r.time = r.time.Add(time.Second)
		r.do(r.Refuse(Entry{To: r.View().Running, Change: setting("bob")}, fmt.Errorf("reason %d", i)))
	}
	want := []string{"generation-0000000001.json", "refused-0000000001-1.json", "refused-0000000001-2.json", "refused-0000000001-3.json"}
	if got := names(r.files); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	r.do(r.Refuse(Entry{To: r.View().Running, Change: setting("bob")}, errors.New("one more")))
	want = append(append(want[:1:1], want[2:]...), "refused-0000000001-4.json")
	if got := names(r.files); !slices.Equal(got, want) {
		t.Errorf("files %q, want %q: the oldest attempt is forgotten, and never what runs", got, want)
	}
	r.do(r.Refuse(Entry{To: r.View().Running}, errors.New("by itself")))
	if e := r.Refuse(Entry{To: r.View().Running}, errors.New("by itself")); len(e.Events)+len(e.Writes) != 0 {
		t.Errorf("what the runtime repeats is told again: %+v", e)
	}
}

func names(files map[string]any) (out []string) {
	for name := range files {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// What is written is what is read: the history goes on behind it.
func TestAHistoryIsReadAsItWasWritten(t *testing.T) {
	r := newRig(t, Rules{})
	r.commit(setting("alice", "listeners.web.timeouts.idle=11s"))
	r.do(r.Refuse(Entry{To: r.View().Running, Change: setting("bob")}, errors.New("no")))
	r.commit(setting("alice", "listeners.web.timeouts.idle=12s"))
	before := r.all()
	var kept []control.Generation
	for name, content := range r.files {
		g, err := DecodeGeneration(name, encoded(t, content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kept = append(kept, g)
	}
	r = &rig{T: t, time: noon, files: r.files, Ledger: New(func() time.Time { return noon }, Rules{History: 50})}
	r.Load(kept)
	if e := r.do(r.Start(Candidate{File: parse(t, text), Config: parse(t, text)}, nil, noon)); e.Generation != 4 {
		t.Errorf("the start is generation %d, want 4", e.Generation)
	}
	after := r.all()
	for i, g := range before {
		if got := after[i+1]; got.Number != g.Number || got.Revision != g.Revision || got.Message != g.Message || got.Running {
			t.Errorf("entry %d is %+v, want %+v", i, got, g)
		}
	}
}

func TestWhatMayBeGoneBackTo(t *testing.T) {
	r := newRig(t, Rules{})
	r.commit(setting("alice", "listeners.web.timeouts.idle=11s"))
	again := func(text string) (*config.Config, error) { return config.Parse("x", []byte(text)) }
	if to, err := r.View().WantBack(control.Action{Generation: 1, Base: 2}, again); err != nil || !to.Equal(parse(t, text)) {
		t.Errorf("back to the first: %v", err)
	}
	if _, err := r.View().WantBack(control.Action{Generation: 1, Base: 1}, again); !errors.Is(err, control.ErrConflict) {
		t.Errorf("on an old generation: %v, want a conflict", err)
	}
	for _, n := range []uint64{0, 3, 1 << 40} {
		if _, err := r.View().WantBack(control.Action{Generation: n}, again); !errors.Is(err, control.ErrNotFound) {
			t.Errorf("back to %d: %v, want it not found", n, err)
		}
	}
}

func TestAConflictIsAChangeOfTheSameValue(t *testing.T) {
	r := newRig(t, Rules{})
	r.commit(setting("alice", "listeners.web.timeouts.idle=11s")) // 2
	r.commit(setting("bob", "listeners.api.enabled=false"))       // 3
	for _, tt := range []struct {
		base  uint64
		path  string
		whole bool
		want  string // part of the conflict
	}{
		{base: 0, path: "listeners.web.timeouts.idle"},
		{base: 3, path: "listeners.web.timeouts.idle"},
		{base: 2, path: "listeners.web.timeouts.idle"},
		{base: 1, path: "listeners.web.timeouts.idle", want: "listeners.web.timeouts.idle was changed by alice"},
		{base: 1, path: "listeners.web.timeouts.read"},
		{base: 2, path: "listeners.api", want: "listeners.api.enabled was changed by bob"},
		{base: 4, path: "listeners.web.timeouts.idle", want: "generation 4"},
		{base: 2, whole: true, want: "was changed by bob"},
	} {
		c := setting("carol", tt.path+"=12s")
		if tt.path == "listeners.api" {
			c.Patch[0].Unset, c.Patch[0].Value = true, ""
		}
		if tt.whole {
			c = control.Change{Config: text}
		}
		c.Base = tt.base
		_, err := r.View().Want(c, func() (*config.Config, error) { return parse(t, text), nil })
		if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, control.ErrConflict) || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s on %d: %v, want %q", tt.path, tt.base, err, tt.want)
		}
	}
}

func TestATrialMergesWhatTheProgramDid(t *testing.T) {
	r := newRig(t, Rules{KeepOverrides: true})
	r.commit(setting("carol", "listeners.web.timeouts.idle=11s"))
	r.try(time.Hour, nil, setting("alice", "listeners.web.timeouts.idle=12s"))
	if _, ok := r.files[TrialFile]; !ok || r.files[OverridesFile].(Saved).Overrides["listeners.web.timeouts.idle"].Value != "11s" {
		t.Errorf("files during a trial: %v, want the way back, and the overrides from before", names(r.files))
	}
	c := setting("program", "listeners.api.enabled=false")
	r.do(r.Commit(Entry{To: r.want(c), File: r.want(c), Change: c}))
	if err := r.View().OnTrial(); !errors.Is(err, control.ErrConflict) {
		t.Errorf("another change during a trial: %v, want a conflict", err)
	}
	r.do(r.TakeBack(Entry{To: r.View().Before(), Trigger: control.TriggerExpiry}))
	r.wantIdle("11s")
	if got, _ := r.View().Running.Get("listeners.api.enabled"); got != "false" {
		t.Error("what the program changed during the trial is gone")
	}
	if _, ok := r.files[TrialFile]; ok {
		t.Error("the way back is kept")
	}
	if o := r.View().Overrides["listeners.web.timeouts.idle"]; o.Actor != "carol" {
		t.Errorf("the override from before is %+v, want it as carol's", o)
	}
}

func TestWhichTrialIsMeant(t *testing.T) {
	r := newRig(t, Rules{})
	if _, _, err := r.Confirm(control.Action{}, nil); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("a confirmation of nothing: %v", err)
	}
	r.try(time.Hour, nil, setting("alice", "listeners.web.timeouts.idle=12s"))
	if _, _, err := r.Confirm(control.Action{Base: 1}, nil); !errors.Is(err, control.ErrConflict) {
		t.Errorf("a confirmation of another trial: %v", err)
	}
	if e := r.try(time.Hour, nil, setting("alice", "listeners.web.timeouts.idle=12s")); e.Until != nil {
		t.Error("a change of nothing is on trial")
	}
}

func TestDue(t *testing.T) {
	const second = time.Second
	guard := &control.Guard{Errors: 3, Crashes: 2, Refused: 2, ErrorPercent: 50}
	for name, tt := range map[string]struct {
		guard   *control.Guard
		failed  time.Duration // when taking it back failed; 0 for never
		at      time.Duration // since the trial began
		counts  Counts        // now
		trigger string
		why     string
		next    time.Duration
	}{
		"nothing yet":                     {at: second, next: 60 * second},
		"time is up":                      {at: 60 * second, trigger: control.TriggerExpiry, why: "not confirmed in time", next: 60 * second},
		"long over":                       {at: 9 * time.Hour, trigger: control.TriggerExpiry, next: 9 * time.Hour},
		"the wall went back":              {at: -time.Hour, next: 60 * second},
		"a guard looks often":             {guard: guard, at: second, next: second + guardInterval},
		"a guard and the end":             {guard: guard, at: 60*second - 1, next: 60 * second},
		"errors from before do not count": {guard: guard, at: second, counts: Counts{Requests: 200, Errors: 3}, next: second + guardInterval},
		"errors":                          {guard: guard, at: second, counts: Counts{Requests: 200, Errors: 4}, trigger: control.TriggerGuard, why: "3 errors", next: second},
		"crashes":                         {guard: guard, at: second, counts: Counts{Crashes: 2}, trigger: control.TriggerGuard, why: "2 crashes of workers", next: second},
		"refused":                         {guard: guard, at: second, counts: Counts{Refused: 2}, trigger: control.TriggerGuard, why: "2 refused connections", next: second},
		"a share of few requests":         {guard: &control.Guard{ErrorPercent: 50}, at: second, counts: Counts{Requests: 119, Errors: 20}, next: second + guardInterval},
		"a share":                         {guard: &control.Guard{ErrorPercent: 50}, at: second, counts: Counts{Requests: 120, Errors: 11}, trigger: control.TriggerGuard, why: "50 % errors in 20 requests", next: second},
		"no guard":                        {at: second, counts: Counts{Errors: 9, Crashes: 9}, next: 60 * second},
		"failed just now":                 {failed: 60 * second, at: 62 * second, next: 65 * second},
		"tried again":                     {failed: 60 * second, at: 65 * second, trigger: control.TriggerExpiry, next: 65 * second},
		"failed, and the wall went back":  {failed: 600 * second, at: 61 * second, trigger: control.TriggerExpiry, next: 61 * second},
		"a guard waits for the retry too": {guard: guard, failed: 2 * second, at: 3 * second, counts: Counts{Crashes: 2}, next: 7 * second},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Rules{})
			r.try(60*second, tt.guard, setting("alice", "listeners.web.timeouts.idle=12s"))
			if tt.failed != 0 {
				r.time = noon.Add(tt.failed)
				r.Postpone(errors.New("port in use"))
			}
			act, next := r.View().Due(noon.Add(tt.at), map[string]Counts{"web": tt.counts})
			if act.Trigger != tt.trigger || !strings.Contains(act.Why, tt.why) {
				t.Errorf("due is %+v, want %q: %q", act, tt.trigger, tt.why)
			}
			if got := next.Sub(noon); got != tt.next {
				t.Errorf("the next look is after %s, want %s", got, tt.next)
			}
		})
	}
}

func TestOverridesAreDueOneByOne(t *testing.T) {
	r := newRig(t, Rules{})
	if act, next := r.View().Due(noon, nil); act.Trigger != "" || !next.IsZero() {
		t.Errorf("with nothing to wait for %+v is due, the next look %s", act, next)
	}
	for i, path := range []string{"listeners.web.timeouts.idle", "listeners.web.timeouts.read"} {
		c := setting("alice", path+"=12s")
		c.Expires = config.Duration(time.Duration(i+1) * time.Minute)
		r.commit(c)
	}
	if act, next := r.View().Due(noon.Add(59*time.Second), nil); act.Trigger != "" || !next.Equal(noon.Add(time.Minute)) {
		t.Errorf("too early %+v is due, the next look %s", act, next)
	}
	r.time = noon.Add(time.Minute)
	act, _ := r.View().Due(r.time, nil)
	if act.Trigger != control.TriggerExpiry || len(act.Expired) != 1 || act.Expired[0].Path != "listeners.web.timeouts.idle" {
		t.Fatalf("due is %+v, want the idle timeout", act)
	}
	r.Postpone(errors.New("port in use"))
	if act, next := r.View().Due(r.time, nil); act.Trigger != "" || !next.Equal(r.time.Add(retryAfter)) {
		t.Errorf("after a failure %+v is due, the next look %s", act, next)
	}
	to, err := r.View().DueLeadsTo(act)
	if err != nil {
		t.Fatal(err)
	}
	r.do(r.Commit(Entry{To: to, Trigger: control.TriggerExpiry}))
	r.wantIdle("10s")
	if edits := r.View().Edits; len(edits) != 1 || edits[0].Value != "12s" {
		t.Errorf("overrides are %+v, want the read timeout alone", edits)
	}
}

func TestASavedFileWaits(t *testing.T) {
	r := newRig(t, Rules{})
	saved := parse(t, strings.Replace(text, "idle: 10s", "idle: 20s", 1))
	r.try(time.Hour, nil, setting("alice", "listeners.web.timeouts.read=12s"))
	r.do(r.HoldForTrial(saved))
	if s := r.View().Status(); s.State != control.ConfigPending || s.Held == nil || !s.Held.Trial || len(s.Held.Changes) != 1 {
		t.Errorf("held is %+v in state %s", s.Held, s.State)
	}
	if _, err := r.View().Held(); !errors.Is(err, control.ErrConflict) {
		t.Errorf("deciding during a trial: %v, want a conflict", err)
	}
	r.do(r.HoldForTrial(parse(t, text)))
	if s := r.View().Status(); s.Held != nil {
		t.Errorf("a file saved as it was is held: %+v", s.Held)
	}
	r.do(r.HoldForTrial(saved))
	r.do(r.TakeBack(Entry{To: r.View().Before()}))
	file := r.Release()
	if file != saved || r.Release() != nil {
		t.Error("the file is not released once")
	}
	to, dropped := r.View().FileLeadsTo(file, false)
	r.do(r.Commit(Entry{To: to, File: file, Reloaded: true, Trigger: control.TriggerFile}))
	r.wantIdle("20s")
	if s := r.View().Status(); s.State != control.ConfigInSync || len(dropped) != 0 {
		t.Errorf("after it was applied the state is %s, dropped %q", s.State, dropped)
	}
}

func TestARejectedFileIsRefusedUntilItIsSavedAgain(t *testing.T) {
	r := newRig(t, Rules{})
	if _, _, err := r.Reject(control.Action{}); !errors.Is(err, control.ErrNotFound) {
		t.Errorf("rejecting nothing: %v", err)
	}
	r.do(r.Hold(parse(t, "version: 1\n"), control.Held{Reason: "it removes all"}))
	if _, e, err := r.Reject(control.Action{Actor: "bob"}); err != nil || len(e.Events) != 1 {
		t.Errorf("rejected: %+v, %v", e, err)
	}
	if s := r.View().Status(); s.State != control.ConfigRefused || s.Held != nil || !strings.Contains(s.Error.Message, "bob rejected it") {
		t.Errorf("status %+v", s)
	}
	if _, e := r.RefuseFile(r.View().Status().Error, "bob"); len(e.Events) != 0 {
		t.Errorf("the same reason is told again: %+v", e)
	}
}

func TestRemovalWaitsForADecision(t *testing.T) {
	r := newRig(t, Rules{})
	one, none := "listeners:\n  api: {address: ':8081', routes: [{match: /, respond: {body: hi}}]}\n", ""
	for _, tt := range []struct {
		to   string
		open uint64
		want string
	}{
		{to: one, want: ""},
		{to: one, open: 2, want: "it removes web, with 2 connections open"},
		{to: none, want: "it removes 2 of 2 listeners"},
		{to: "reload: {on_removal: apply}\n" + none, open: 2, want: ""},
	} {
		if got := r.View().Removal(parse(t, "version: 1\n"+tt.to), map[string]uint64{"web": tt.open}); got != tt.want {
			t.Errorf("%q with %d open: %q, want %q", tt.to, tt.open, got, tt.want)
		}
	}
}

func TestCandidates(t *testing.T) {
	r := newRig(t, Rules{KeepOverrides: true})
	c := setting("alice", "listeners.web.timeouts.idle=11s")
	c.Expires = config.Duration(time.Minute)
	r.commit(setting("alice", "listeners.web.timeouts.read=12s"))
	r.commit(c)
	saved := r.View().Saved()
	saved.Actor = "mallory"
	r.try(time.Hour, nil, setting("bob", "listeners.web.timeouts.idle=13s"))
	file := parse(t, strings.Replace(text, "idle: 10s", "idle: 10s, read: 14s", 1))
	messages := func(s Start) (all []string) {
		candidates, _ := r.Candidates(s)
		for _, c := range candidates {
			all = append(all, c.Message)
		}
		return all
	}
	for name, tt := range map[string]struct {
		start Start
		want  []string
	}{
		"a file alone":           {Start{File: file}, []string{"2 listeners"}},
		"with overrides":         {Start{File: file, Saved: &saved}, []string{"2 listeners, 1 override restored", "2 listeners"}},
		"with all":               {Start{File: file, Saved: &saved, LastGood: true}, []string{"2 listeners, 1 override restored", "2 listeners", "generation 3, the last good config"}},
		"a file that is broken":  {Start{Saved: &saved}, nil},
		"the last good one":      {Start{LastGood: true}, []string{"generation 3, the last good config"}},
		"saved is not a config":  {Start{File: file, Saved: &Saved{File: "x", Config: "y"}}, []string{"2 listeners"}},
		"saved has another kind": {Start{File: file, Saved: &Saved{File: text, Config: "y"}}, []string{"2 listeners"}},
	} {
		if got := messages(tt.start); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	candidates, told := r.Candidates(Start{File: file, Saved: &saved, FromTrial: true})
	if best := candidates[0]; best.Event == nil || !strings.Contains(best.Event.Message, "mallory was on trial") || len(told) != 1 {
		t.Errorf("after a death during a trial: %+v, told %+v", best, told)
	}
	r.time = noon.Add(time.Minute)
	candidates, _ = r.Candidates(Start{File: file, Saved: &saved})
	if got, _ := candidates[0].Config.Get("listeners.web.timeouts.idle"); got != "10s" {
		t.Errorf("an override whose time is up comes back: idle is %s", got)
	}
}

func TestAFallbackSaysSoUntilTheFileIsGood(t *testing.T) {
	r := newRig(t, Rules{})
	r.Load(r.all())
	e := r.do(r.Start(Candidate{File: parse(t, text), Config: parse(t, text), Message: "generation 1, the last good config", Fallback: 1},
		&control.Error{Code: control.CodeRefused, Message: "no address"}, noon))
	if s := r.View().Status(); s.State != control.ConfigRefused || s.Fallback != 1 || s.Error == nil || len(e.Events) != 1 {
		t.Errorf("status %+v, events %+v", s, e.Events)
	}
	e = r.do(r.Commit(Entry{To: parse(t, text), File: parse(t, text), Reloaded: true, Message: "reloaded"}))
	if s := r.View().Status(); s.State != control.ConfigInSync || s.Fallback != 0 || s.Error != nil || len(e.Events) != 1 {
		t.Errorf("status %+v, events %+v: want it good, and told", s, e.Events)
	}
}

func TestAnotherProgramGoesOn(t *testing.T) {
	r := newRig(t, Rules{})
	r.commit(setting("alice", "listeners.web.timeouts.idle=11s"))
	r.do(r.Refuse(Entry{To: r.View().Running, Change: setting("bob")}, errors.New("no")))
	v := r.View()
	next := New(r.now, Rules{History: 50})
	next.Resume(Resumed{Running: v.Running, File: v.File, Status: v.FileStatus(), Generation: v.Generation,
		LastActor: v.LastActor, Overrides: v.Overrides, Past: v.Past()})
	n := next.View()
	if n.Generation != 2 || len(n.Edits) != 1 || n.Edits[0].Actor != "alice" || n.LastActor != "alice" {
		t.Errorf("it goes on with generation %d, edits %+v by %s", n.Generation, n.Edits, n.LastActor)
	}
	all, err := n.History(control.HistoryQuery{})
	if err != nil || len(all) != 3 || all[0].Result != control.ResultRefused || !all[1].Running {
		t.Errorf("history %+v, %v", all, err)
	}
	// An older program had two numbers; both were persisted.
	next.Resume(Resumed{Running: v.Running, File: v.File, Generation: 3, Past: Past{Last: 9, Running: 8, Entries: []control.Generation{
		{Number: 8, Revision: 3, Result: control.ResultApplied, Config: text}, {Number: 9, Revision: 3, Result: control.ResultRefused}}}})
	if all, _ := next.View().History(control.HistoryQuery{}); next.View().Generation != 8 || all[0].Number != 9 || !all[1].Running || all[1].Revision != 8 {
		t.Errorf("generation %d, history %+v; want 8, and all entries", next.View().Generation, all)
	}
	if e := next.Commit(Entry{To: parse(t, "version: 1\n")}); e.Generation != 10 {
		t.Errorf("the next one is %d, want 10", e.Generation)
	}
}
