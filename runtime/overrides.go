package runtime

import (
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// note is what is known of an override beside its value.
type note struct {
	Base    string     `json:"base"`
	Value   string     `json:"value"`
	Actor   string     `json:"actor,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Since   time.Time  `json:"since"`
	Expires *time.Time `json:"expires,omitempty"`
}

// notes of all overrides, by path. They are never changed, only replaced.
type notes map[string]note

// after returns the notes that belong to what differs now, after a change.
func (n notes) after(differs []config.Change, c control.Change, now time.Time) notes {
	out := notes{}
	for _, d := range differs {
		old, known := n[d.Path]
		if known && old.Value == d.To && !touches(c.Patch, d.Path) {
			out[d.Path] = old
			continue
		}
		fresh := note{Base: d.From, Value: d.To, Actor: c.Actor, Reason: c.Reason, Since: now.Round(0)}
		if c.Expires != 0 {
			until := fresh.Since.Add(time.Duration(c.Expires))
			fresh.Expires = &until
		}
		out[d.Path] = fresh
	}
	return out
}

// touches reports whether a patch sets a path, or what it is part of, or a part of it.
func touches(p config.Patch, path string) bool {
	for _, e := range p {
		if e.Path == path || strings.HasPrefix(path, e.Path+".") || strings.HasPrefix(e.Path, path+".") {
			return true
		}
	}
	return false
}

// overridden are the values that differ from the file.
func overridden(file, running *config.Config) (out []config.Change) {
	for _, c := range config.Diff(file, running) {
		if c.From != c.To {
			out = append(out, c)
		}
	}
	return out
}

// note brings the overrides up to date with what runs and with the file, after a
// change by somebody. Callers hold changeMu.
func (a *App) note(c control.Change) {
	differs := overridden(a.file, a.config)
	a.mu.Lock()
	a.notes = a.notes.after(differs, c, time.Now())
	a.edits = a.notes.edits(differs)
	a.wakeTimekeeper()
	a.mu.Unlock()
	a.keepStanding()
}

// edits are the overrides as a snapshot shows them.
func (n notes) edits(differs []config.Change) []control.Override {
	var out []control.Override
	for _, d := range differs {
		k := n[d.Path]
		out = append(out, control.Override{
			Path: d.Path, File: d.From, Base: k.Base, Value: d.To,
			Actor: k.Actor, Reason: k.Reason, Since: k.Since, Expires: k.Expires,
		})
	}
	return out
}

// firstExpiry is when the first override expires; zero if none does.
func (n notes) firstExpiry() (first time.Time) {
	for _, k := range n {
		if k.Expires != nil && (first.IsZero() || k.Expires.Before(first)) {
			first = *k.Expires
		}
	}
	return first
}

// expired are the edits that take back what has expired by now.
func (n notes) expired(now time.Time) (out config.Patch) {
	for _, path := range sortedKeys(n) {
		if k := n[path]; k.Expires != nil && !now.Before(*k.Expires) {
			out = append(out, config.Edit{Path: path, Unset: true})
		}
	}
	return out
}

// postponed returns the notes with what should have expired tried again later.
func (n notes) postponed(until time.Time) notes {
	out := notes{}
	for path, k := range n {
		if k.Expires != nil && k.Expires.Before(until) {
			k.Expires = &until
		}
		out[path] = k
	}
	return out
}
