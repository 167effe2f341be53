package config

import (
	"reflect"
	"slices"
	"strings"
)

// Key describes a key of the config file.
type Key struct {
	// Path with * for a name: "listeners.*.timeouts.idle".
	Path string `json:"path"`
	// Type is "duration", "size", "number", "number or auto", "true or false",
	// "text", "choice", "map" or "list".
	Type string `json:"type"`
	// Default is the value when the file has none; for what listeners inherit,
	// when the defaults have none either. Empty when there is no default.
	Default string `json:"default,omitempty"`
	// Choices are all values of a choice.
	Choices []string `json:"choices,omitempty"`
	// Min and Most are the smallest and largest value, written like the
	// value; empty for what is not counted.
	Min string `json:"least,omitempty"`
	Max string `json:"most,omitempty"`
	// Never is the value beside them that means never; empty if there is none.
	Never string `json:"never,omitempty"`
	// Required keys have no default and must be there.
	Required bool `json:"required,omitempty"`
	// Doc says what the value means.
	Doc string `json:"doc"`
	// Example shows how it is written, where that is not clear from the type.
	Example string `json:"example,omitempty"`
	// Effect of changing it, in the costliest direction. [EffectOf] tells that
	// of one change.
	Effect Effect `json:"effect"`
	// TakesEffect says in words how a change takes effect.
	TakesEffect string `json:"takes_effect"`
}

// Range is from Min to Most, in words; empty for what is not counted.
func (k Key) Range() string {
	switch {
	case k.Min == "":
		return ""
	case k.Never != "":
		return k.Never + ", or " + k.Min + " to " + k.Max
	}
	return k.Min + " to " + k.Max
}

// Keys lists every key that has a value of its own, in the order of the
// reference. Keys that only hold other keys are left out.
func Keys() []Key {
	var keys []Key
	schema.visit(func(k *key) {
		switch k.kind {
		case section, names:
			return
		}
		keys = append(keys, k.describe())
	})
	return keys
}

func (k *key) visit(f func(*key)) {
	f(k)
	for _, child := range k.keys {
		child.visit(f)
	}
	if k.each != nil {
		k.each.visit(f)
	}
}

func (k *key) describe() Key {
	d := Key{
		Path: k.path, Type: string(k.kind), Default: k.defaultValue, Choices: slices.Clone(k.choices),
		Required: k.required, Doc: k.doc, Example: k.example, Effect: k.costliest(),
	}
	d.TakesEffect = effectWords[d.Effect]
	if k.unless != "" {
		d.TakesEffect += "; " + k.unless
	}
	if k.limits != (limits{}) {
		d.Min, d.Max = k.quantity(k.limits.min), k.quantity(k.limits.max)
		if k.never {
			d.Never = k.quantity(0)
		}
	}
	return d
}

// below returns the key for a word of a path, nil if there is none.
func (k *key) below(word string) *key {
	if k.each != nil {
		return k.each
	}
	for _, child := range k.keys {
		if child.name == word {
			return child
		}
	}
	return nil
}

func (k *key) known() []string {
	known := make([]string, len(k.keys))
	for i, child := range k.keys {
		known[i] = child.name
	}
	return known
}

// keyAt returns nil for a path that no config has.
func keyAt(path []string) *key {
	k := schema
	for _, word := range path {
		if k = k.below(word); k == nil {
			return nil
		}
	}
	return k
}

func build(rows []*key) *key {
	top := &key{kind: section}
	types := map[*key]reflect.Type{top: reflect.TypeFor[Config]()}
	for _, k := range rows {
		words := strings.Split(k.path, ".")
		parent := top
		for _, word := range words[:len(words)-1] {
			parent = parent.below(word)
		}
		k.name = words[len(words)-1]
		types[k] = k.attach(parent, types[parent])
	}
	top.visit(func(k *key) { k.fresh = k.blank(types[k]) })
	return top
}

// attach makes k a child of parent, whose values have the type within, and
// returns the type of its own values.
func (k *key) attach(parent *key, within reflect.Type) reflect.Type {
	if k.name == "*" {
		parent.each = k
		return within.Elem()
	}
	parent.keys = append(parent.keys, k)
	if within.Kind() == reflect.Pointer {
		within = within.Elem()
	}
	if k.kind == workers {
		// Number and auto are two fields, so the struct itself is the value.
		return within
	}
	f := fieldOf(within, k.name)
	k.field = f.Index
	return f.Type
}

// fieldOf finds the field that is named so in JSON; the table and the structs
// disagreeing is a mistake of ours that no test run survives.
func fieldOf(t reflect.Type, name string) reflect.StructField {
	for _, f := range reflect.VisibleFields(t) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f
		}
	}
	panic("config: " + t.String() + " has no field for the key " + name)
}

// blank is a value in which everything is as if the file had nothing of it.
func (k *key) blank(t reflect.Type) reflect.Value {
	if k.kind == section && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := reflect.New(t).Elem()
	if k.kind == section {
		k.fill(v)
	}
	return v
}

func (k *key) fill(v reflect.Value) {
	for _, child := range k.keys {
		at := child.in(v)
		switch {
		case child.kind == section && at.Kind() == reflect.Struct:
			child.fill(at)
		case child.defaultValue != "":
			if f := child.parse(child.defaultValue, at); f != nil {
				panic("config: default of " + child.path + ": " + f.message)
			}
		}
	}
}

// in returns where the struct v keeps k.
func (k *key) in(v reflect.Value) reflect.Value {
	if k.kind == workers {
		return v
	}
	return v.FieldByIndex(k.field)
}
