package config

import (
	"reflect"
	"slices"
	"strings"
)

// Effect is what a change costs those who are connected.
type Effect string

// Effects, the mildest first.
const (
	Live    Effect = "live"    // takes effect at once, also on open connections; ends none
	Drain   Effect = "drain"   // some connections end after their present request
	Rebind  Effect = "rebind"  // a new socket is bound first, then the old one drains
	Restart Effect = "restart" // takes effect when the runtime is started again
)

// Change is one value that differs between two configs.
type Change struct {
	// Path as in [Edit].
	Path string `json:"path"`
	// From and To are written as in [Edit]; empty when absent on that side.
	// They are the same where a listener keeps a value that it inherited from
	// the defaults while these change.
	From   string `json:"from"`
	To     string `json:"to"`
	Effect Effect `json:"effect"`
}

// EffectOf returns the effect of changing the value at path, both values
// written as in [Change]. The effect on a path that no config has is [Restart].
func EffectOf(path, from, to string) Effect {
	k := keyAt(strings.Split(path, "."))
	switch {
	case k == nil:
		return Restart
	case k.mild != nil && k.mild(from, to):
		return Live
	case k.drains != nil && k.drains(from, to):
		return Drain
	}
	return k.costliest()
}

// costliest is the effect of k; for a key that only holds others, the worst of
// theirs.
func (k *key) costliest() Effect {
	if k.effect != "" {
		return k.effect
	}
	below := k.keys
	if k.each != nil {
		below = []*key{k.each}
	}
	worst := Live
	for _, child := range below {
		if e := child.costliest(); severity[e] > severity[worst] {
			worst = e
		}
	}
	return worst
}

var severity = map[Effect]int{Live: 1, Drain: 2, Rebind: 3, Restart: 4}

// withinTCP: between the protocols that share a socket, what is connected leaves
// after its present request and comes back speaking the other one.
func withinTCP(from, to string) bool { return from != ProtocolQUIC && to != ProtocolQUIC }

// keepsSockets: workers have a socket each, however it is chosen among them.
func keepsSockets(from, to string) bool { return from != "shared" && to != "shared" }

func moreWorkers(from, to string) bool {
	a, b := workersIn(from), workersIn(to)
	return a > 0 && b >= a
}

func workersIn(text string) int {
	p, _ := parseWorkers(text)
	return p.Workers
}

// Diff returns what separates two configs, value by value, in the order of
// their paths; routes count as one value, and so does a listener, pool or
// backend that only one side has. Nil counts as [New].
//
// [PatchOf] of the result turns from into to, as far as relative file roots
// mean the same in both.
func Diff(from, to *Config) []Change {
	d := differ{from: from.orNew(), to: to.orNew()}
	d.section(schema, reflect.ValueOf(d.from).Elem(), reflect.ValueOf(d.to).Elem(), nil)
	d.keepInherited()
	slices.SortStableFunc(d.changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return d.changes
}

func (c *Config) orNew() *Config {
	if c == nil {
		return New()
	}
	return c
}

type differ struct {
	from, to *Config
	changes  []Change
	// defaults are the paths below defaults that changed.
	defaults [][]string
}

func (d *differ) section(k *key, a, b reflect.Value, path []string) {
	for _, child := range k.keys {
		d.value(child, child.in(a), child.in(b), append(path, child.name))
	}
}

func (d *differ) value(k *key, a, b reflect.Value, path []string) {
	switch k.kind {
	case section:
		d.optional(k, a, b, path)
	case names:
		d.names(k, a, b, path)
	default:
		if equal(a, b) {
			return
		}
		if from, to := writeOut(k, a), writeOut(k, b); from != to {
			d.add(path, from, to)
		}
	}
}

// optional compares a section that either side may lack.
func (d *differ) optional(k *key, a, b reflect.Value, path []string) {
	switch {
	case a.Kind() != reflect.Pointer:
		d.section(k, a, b, path)
	case a.IsNil() && b.IsNil():
	case a.IsNil():
		d.add(path, "", writeOut(k, b))
	case b.IsNil():
		d.add(path, writeOut(k, a), "")
	default:
		d.section(k, a.Elem(), b.Elem(), path)
	}
}

// equal takes nothing and an empty list or map for the same.
func equal(a, b reflect.Value) bool {
	if k := a.Kind(); (k == reflect.Slice || k == reflect.Map) && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return a.Comparable() && a.Equal(b) || reflect.DeepEqual(a.Interface(), b.Interface())
}

func (d *differ) names(k *key, a, b reflect.Value, path []string) {
	for _, name := range union(a, b) {
		x, y := a.MapIndex(name), b.MapIndex(name)
		here := append(path, name.String())
		switch {
		case !x.IsValid():
			d.add(here, "", d.to.minimal(k.each, y).flow())
		case !y.IsValid():
			d.add(here, d.from.minimal(k.each, x).flow(), "")
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			d.section(k.each, x, y, here)
		}
	}
}

func union(a, b reflect.Value) []reflect.Value {
	keys := a.MapKeys()
	for _, key := range b.MapKeys() {
		if !a.MapIndex(key).IsValid() {
			keys = append(keys, key)
		}
	}
	return keys
}

func (d *differ) add(path []string, from, to string) {
	if path[0] == "defaults" {
		d.defaults = append(d.defaults, slices.Clone(path[1:]))
	}
	dotted := strings.Join(path, ".")
	d.changes = append(d.changes, Change{Path: dotted, From: from, To: to, Effect: d.effect(path, dotted, from, to)})
}

// effect on a listener that is not served is none.
func (d *differ) effect(path []string, dotted, from, to string) Effect {
	if path[0] == "listeners" && !d.from.Listeners[path[1]].Enabled && !d.to.Listeners[path[1]].Enabled {
		return Live
	}
	return EffectOf(dotted, from, to)
}

// keepInherited adds a change for each listener that inherits a default now and
// must not follow it: to leave it out would say that the listener changes, too.
func (d *differ) keepInherited() {
	if len(d.defaults) == 0 {
		return
	}
	written := d.from.document().root.get("listeners")
	for _, name := range sortedKeys(d.from.Listeners) {
		a, b := d.from.Listeners[name], d.to.Listeners[name]
		if _, stays := d.to.Listeners[name]; !stays {
			continue
		}
		for _, path := range d.defaults {
			k := keyAt(append([]string{"listeners", "*"}, path...))
			x, y := valueAt(reflect.ValueOf(a), path), valueAt(reflect.ValueOf(b), path)
			if equal(x, y) && written.find(append([]string{name}, path...)...) == nil {
				d.add(append([]string{"listeners", name}, path...), writeOut(k, x), writeOut(k, y))
			}
		}
	}
}

// valueAt follows the keys of a setting in a Listener.
func valueAt(v reflect.Value, path []string) reflect.Value {
	k := keyAt([]string{"listeners", "*"})
	for _, word := range path {
		k = k.below(word)
		v = k.in(v)
	}
	return v
}

// Equal tells whether both say the same, whether written out or inherited. Nil
// counts as [New].
func (c *Config) Equal(o *Config) bool { return len(Diff(c, o)) == 0 }
