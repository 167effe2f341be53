package controltest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// past is what the Fake remembers of what was: its history, with the state
// after each entry, and the state before the trial under way.
type past struct {
	entries []control.Generation         // oldest first
	states  map[uint64]*control.Snapshot // by number, of what was applied
	before  *control.Snapshot            // nil without a trial
}

// begin makes the present state the first generation.
func (p *past) begin(s *control.Snapshot) {
	s.Config.Generation = max(1, s.Config.Generation)
	first := control.Generation{Number: s.Config.Generation, Revision: s.Revision, Time: s.StartedAt,
		Trigger: control.TriggerStart, Result: control.ResultApplied, Message: "started", Changes: []config.Change{}}
	p.entries, p.states = []control.Generation{first}, map[uint64]*control.Snapshot{first.Number: s}
}

// add appends an entry about s, whose generation it becomes if it was applied.
func (p *past) add(s *control.Snapshot, g control.Generation) uint64 {
	g.Number = p.entries[len(p.entries)-1].Number + 1
	g.Revision, g.Time = s.Revision, s.Time
	if g.Changes == nil {
		g.Changes = []config.Change{}
	}
	p.entries = append(p.entries, g)
	if g.Result == control.ResultApplied {
		s.Config.Generation = g.Number
		p.states[g.Number] = s
	}
	return g.Number
}

// configOf is the text of a generation's config: as good as any, since nobody
// but the Fake reads it.
func configOf(number uint64) string { return fmt.Sprintf("version: 1\n# generation %d\n", number) }

// of returns the state with that config, nil if there is none.
func (p *past) of(config string) *control.Snapshot {
	for number, s := range p.states {
		if configOf(number) == config {
			return s
		}
	}
	return nil
}

// written has the file say what is changed by hand at these paths.
func written(s *control.Snapshot, patch config.Patch) {
	in := func(path string) bool {
		return slices.ContainsFunc(patch, func(e config.Edit) bool { return e.Path == path })
	}
	s.Config.Edits = slices.DeleteFunc(slices.Clone(s.Config.Edits), func(o control.Override) bool { return in(o.Path) })
	s.Config.Overrides = slices.DeleteFunc(slices.Clone(s.Config.Overrides), in)
	tellState(s)
}

// History lists what Apply and Act did.
func (f *Fake) History(ctx context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, err
	}
	q, err := q.Effective()
	if err != nil {
		return nil, err
	}
	out := []control.Generation{}
	for _, g := range slices.Backward(f.past.entries) {
		if len(out) == q.Limit || q.Number != 0 && q.Number != g.Number {
			continue
		}
		g.Running = g.Number == f.now.Config.Generation
		if q.Config && g.Result == control.ResultApplied {
			g.Config = configOf(g.Number)
		}
		out = append(out, g)
	}
	if q.Number != 0 && len(out) == 0 {
		return nil, notFound("number", fmt.Sprintf("there is no generation %d", q.Number))
	}
	return out, nil
}

// onTrial is why nothing can be changed now; mu is held.
func (f *Fake) onTrial() error {
	t := f.now.Config.Trial
	if t == nil {
		return nil
	}
	return &control.Error{Code: control.CodeConflict,
		Message: fmt.Sprintf("a trial by %s is under way until %s: confirm it or roll it back first", t.Actor, t.Until.Format(time.TimeOnly))}
}

// override notes in s who has changed what, and drops what is as in the file again.
func override(s *control.Snapshot, c control.Change, changes []config.Change) {
	edits := slices.Clone(s.Config.Edits)
	for _, ch := range changes {
		e := control.Override{Path: ch.Path, File: ch.From, Base: ch.From}
		if i := slices.IndexFunc(edits, func(o control.Override) bool { return o.Path == ch.Path }); i >= 0 {
			e = edits[i]
			edits = slices.Delete(edits, i, i+1)
		}
		s.Config.Overrides = slices.DeleteFunc(slices.Clone(s.Config.Overrides), func(p string) bool { return p == ch.Path })
		if ch.To == e.File || c.Persist {
			continue
		}
		e.Value, e.Actor, e.Reason, e.Since, e.Expires = ch.To, c.Actor, c.Reason, s.Time, nil
		if c.Expires != 0 {
			until := s.Time.Add(time.Duration(c.Expires))
			e.Expires = &until
		}
		edits = append(edits, e)
		s.Config.Overrides = withPaths(s.Config.Overrides, []config.Change{ch})
	}
	slices.SortFunc(edits, func(a, b control.Override) int { return compare(a.Path, b.Path) })
	s.Config.Edits = edits
	tellState(s)
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// tellState makes the state of the config agree with its overrides.
func tellState(s *control.Snapshot) {
	switch {
	case s.Config.State != control.ConfigInSync && s.Config.State != control.ConfigOverridden:
	case len(s.Config.Overrides) > 0:
		s.Config.State = control.ConfigOverridden
	default:
		s.Config.State = control.ConfigInSync
	}
}

// fromFile gives an unset of what was overridden the value of the file.
func fromFile(s *control.Snapshot, p config.Patch) config.Patch {
	out := slices.Clone(p)
	for i, e := range out {
		for _, o := range s.Config.Edits {
			if e.Unset && e.Path == o.Path && o.File != "" {
				out[i] = config.Edit{Path: e.Path, Value: o.File}
			}
		}
	}
	return out
}

// try puts what has led to s on trial.
func (f *Fake) try(s *control.Snapshot, c control.Change, changes []config.Change) *time.Time {
	until := s.Time.Add(time.Duration(c.Confirm))
	s.Config.Trial = &control.Trial{Until: until, Since: s.Time, Actor: c.Actor, Reason: c.Reason, Changes: changes,
		Revision: s.Revision, Before: f.now.Revision, Persist: c.Persist, Guard: c.Guard}
	f.past.before = f.now
	return &until
}

// goBack makes s have the config of an earlier state; what it counts goes on.
func goBack(s, to *control.Snapshot) []config.Change {
	before, after := map[string]string{}, map[string]string{}
	for i := range s.Listeners {
		l := &s.Listeners[i]
		was := find(to, l.Name)
		if was == nil {
			continue
		}
		for key, field := range fields {
			if from, back := field.get(l), field.get(was); from != back {
				field.set(s, l, back)
				path := "listeners." + l.Name + "." + key
				before[path], after[path] = from, back
			}
		}
	}
	s.Config.Edits, s.Config.Overrides = slices.Clone(to.Config.Edits), slices.Clone(to.Config.Overrides)
	tellState(s)
	return changesOf(before, after)
}

// endTrial takes back in s what is on trial.
func (f *Fake) endTrial(s *control.Snapshot, actor, trigger string) (string, []config.Change) {
	changes := goBack(s, f.past.before)
	f.past.before, s.Config.Trial = nil, nil
	s.Revision++
	message := fmt.Sprintf("the trial is over, %s taken back", words.Count(len(changes), "value"))
	f.past.add(s, control.Generation{Actor: actor, Trigger: trigger, Result: control.ResultApplied, Message: message, Changes: changes})
	return message, changes
}

// confirm keeps what is on trial.
func (f *Fake) confirm(s *control.Snapshot, a control.Action) (string, []config.Change, error) {
	t := s.Config.Trial
	if err := meant(t, a); err != nil {
		return "", nil, err
	}
	f.past.before, s.Config.Trial = nil, nil
	if t.Persist {
		override(s, control.Change{Persist: true}, t.Changes)
	}
	message := fmt.Sprintf("confirmed, %s kept", words.Count(len(t.Changes), "value"))
	f.past.add(s, control.Generation{Actor: a.Actor, Reason: a.Reason, Trigger: control.TriggerConfirm,
		Result: control.ResultApplied, Message: message})
	return message, nil, nil
}

// conflicts reports whether a change of the same path, or one that is not known,
// has come since the base of c.
func (p *past) conflicts(c control.Change, now uint64) bool {
	if c.Base == 0 || c.Base == now {
		return false
	}
	changed := map[uint64][]config.Change{}
	for _, e := range p.entries {
		changed[e.Revision] = append(changed[e.Revision], e.Changes...)
	}
	for revision := c.Base + 1; revision <= now; revision++ {
		if len(changed[revision]) == 0 || c.Config != "" {
			return true
		}
		for _, one := range changed[revision] {
			if slices.ContainsFunc(c.Patch, func(e config.Edit) bool { return e.Path == one.Path }) {
				return true
			}
		}
	}
	return c.Base > now
}

// meant reports an error unless there is a trial, and the one that a is meant for.
func meant(t *control.Trial, a control.Action) error {
	switch {
	case t == nil:
		message := "there is no trial under way"
		return &control.Error{Code: control.CodeNotFound, Message: message, Details: []control.Detail{{Path: "kind", Message: message}}}
	case a.Base != 0 && a.Base != t.Revision:
		return &control.Error{Code: control.CodeConflict, Message: fmt.Sprintf("revision %d is not on trial, %d is", a.Base, t.Revision)}
	}
	return nil
}

// rollback takes back the trial, or goes back to a generation.
func (f *Fake) rollback(s *control.Snapshot, a control.Action) (string, []config.Change, error) {
	if a.Generation == 0 {
		if err := meant(s.Config.Trial, a); err != nil {
			return "", nil, err
		}
		message, changes := f.endTrial(s, a.Actor, control.TriggerRollback)
		return message, changes, nil
	}
	if err := f.onTrial(); err != nil {
		return "", nil, err
	}
	if a.Base != 0 && a.Base != s.Revision {
		return "", nil, &control.Error{Code: control.CodeConflict, Message: fmt.Sprintf("revision %d does not run, %d does", a.Base, s.Revision)}
	}
	to := f.past.states[a.Generation]
	if to == nil {
		return "", nil, notFound("generation", fmt.Sprintf("there is no generation %d to go back to", a.Generation))
	}
	changes := goBack(s, to)
	message := fmt.Sprintf("back to generation %d, %s changed", a.Generation, words.Count(len(changes), "value"))
	if len(changes) > 0 {
		s.Revision++
		f.past.add(s, control.Generation{Actor: a.Actor, Reason: a.Reason, Trigger: control.TriggerRollback,
			Result: control.ResultApplied, Message: message, Changes: changes})
	}
	return message, changes, nil
}

// decide ends what is held.
func decide(s *control.Snapshot, accept bool) (string, []config.Change, error) {
	held := s.Config.Held
	if held == nil {
		message := "no change of the config file is held"
		return "", nil, &control.Error{Code: control.CodeNotFound, Message: message, Details: []control.Detail{{Path: "kind", Message: message}}}
	}
	s.Config.Held = nil
	if !accept {
		return "the change of the config file is left unapplied", nil, nil
	}
	s.Revision++
	return "the change of the config file is applied", held.Changes, nil
}

// timesUp takes back in s what has lasted long enough.
func (f *Fake) timesUp(s *control.Snapshot) {
	if t := s.Config.Trial; t != nil {
		if !s.Time.Before(t.Until) {
			message, _ := f.endTrial(s, "", control.TriggerExpiry)
			addEvent(s, control.Event{Level: control.LevelWarn, Message: message})
		}
		return
	}
	var over config.Patch
	for _, e := range s.Config.Edits {
		if e.Expires != nil && !s.Time.Before(*e.Expires) {
			over = append(over, config.Edit{Path: e.Path, Unset: true})
		}
	}
	if over == nil {
		return
	}
	changes, err := edit(s, fromFile(s, over))
	if err != nil {
		panic("controltest: an override cannot be taken back: " + err.Error())
	}
	override(s, control.Change{}, changes)
	s.Revision++
	message := words.Count(len(changes), "override") + " expired"
	f.past.add(s, control.Generation{Trigger: control.TriggerExpiry, Result: control.ResultApplied, Message: message, Changes: changes})
	addEvent(s, control.Event{Level: control.LevelInfo, Message: message})
}
