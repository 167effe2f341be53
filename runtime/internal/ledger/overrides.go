package ledger

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// OverrideMeta is what is known of an override besides its value.
type OverrideMeta struct {
	Base    string     `json:"base"`
	Value   string     `json:"value"`
	Actor   string     `json:"actor,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Since   time.Time  `json:"since"`
	Expires *time.Time `json:"expires,omitempty"`
}

// Overrides is the metadata of all overrides, by path. It is never changed, only
// replaced.
type Overrides map[string]OverrideMeta

// after returns the metadata of what differs now, after a change.
func (o Overrides) after(differs []config.Change, c control.Change, now time.Time) Overrides {
	out := Overrides{}
	for _, d := range differs {
		old, known := o[d.Path]
		if known && old.Value == d.To && !touches(c.Patch, d.Path) {
			out[d.Path] = old
			continue
		}
		fresh := OverrideMeta{Base: d.From, Value: d.To, Actor: c.Actor, Reason: c.Reason, Since: now.Round(0)}
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
	return slices.ContainsFunc(p, func(e config.Edit) bool { return related(e.Path, path) })
}

// related reports whether two paths are the same, or one is part of the other.
func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
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

// shown are the overrides as a snapshot shows them.
func (o Overrides) shown(differs []config.Change) []control.Override {
	var out []control.Override
	for _, d := range differs {
		k := o[d.Path]
		out = append(out, control.Override{
			Path: d.Path, File: d.From, Base: k.Base, Value: d.To,
			Actor: k.Actor, Reason: k.Reason, Since: k.Since, Expires: k.Expires,
		})
	}
	return out
}

// firstExpiry is when the first override expires; zero if none does.
func (o Overrides) firstExpiry() (first time.Time) {
	for _, k := range o {
		if k.Expires != nil && (first.IsZero() || k.Expires.Before(first)) {
			first = *k.Expires
		}
	}
	return first
}

// expired are the edits that take back what has expired by now.
func (o Overrides) expired(now time.Time) (out config.Patch) {
	for _, path := range slices.Sorted(maps.Keys(o)) {
		if k := o[path]; k.Expires != nil && !now.Before(*k.Expires) {
			out = append(out, config.Edit{Path: path, Unset: true})
		}
	}
	return out
}

// postponed returns the metadata with what should have expired tried again later.
func (o Overrides) postponed(until time.Time) Overrides {
	out := Overrides{}
	for path, k := range o {
		if k.Expires != nil && k.Expires.Before(until) {
			k.Expires = &until
		}
		out[path] = k
	}
	return out
}

// unexpired is running without the overrides whose time is up.
func (o Overrides) unexpired(running, file *config.Config, now time.Time) *config.Config {
	to, err := running.With(inFile(file, o.expired(now)))
	if err != nil { // they do not fit what the file says now; then they expire one by one
		return running
	}
	return to
}

// inFile gives an unset its meaning: back to what the file says. What the file
// does not say is removed.
func inFile(file *config.Config, p config.Patch) config.Patch {
	out := slices.Clone(p)
	for i, e := range out {
		if value, ok := file.Get(e.Path); e.Unset && ok {
			out[i] = config.Edit{Path: e.Path, Value: value}
		}
	}
	return out
}
