package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// New returns the empty config: version 1 and nothing to run.
func New() *Config {
	root := &node{shape: mapping}
	root = root.with("version", scalarNode("1"))
	c, err := resolve(&document{root: root}, &report{})
	if err != nil {
		panic("config: the empty config is refused: " + err.Error())
	}
	return c
}

// Get returns the effective value at path, written as one would write it in the
// file; false if there is no such value. A path may end at any key but those
// inside of routes.
func (c *Config) Get(path string) (string, bool) {
	k, v := schema, reflect.ValueOf(c).Elem()
	for _, word := range strings.Split(path, ".") {
		if k.kind == list || k.kind == headers {
			return "", false
		}
		child := k.below(word)
		if child == nil {
			return "", false
		}
		if k.kind == names {
			v = v.MapIndex(reflect.ValueOf(word))
		} else {
			v = child.in(v)
		}
		if k = child; !v.IsValid() {
			return "", false
		}
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return "", false
			}
			v = v.Elem()
		}
	}
	return writeOut(k, v), true
}

// YAML writes the document this Config was made from, edits included and
// nothing inherited or by default; comments are lost. [Parse] of it, with the
// same file name, equals the Config.
func (c *Config) YAML() []byte {
	var b strings.Builder
	c.document().root.block(&b, "")
	return []byte(b.String())
}

// document of a Config that was not parsed, but came as JSON or was put
// together in code, is the shortest that says the same.
func (c *Config) document() *document {
	if c.doc != nil {
		return c.doc
	}
	root := c.minimal(schema, reflect.ValueOf(c).Elem())
	return &document{root: root}
}

// minimal writes v without what is inherited or the default.
func (c *Config) minimal(k *key, v reflect.Value) *node {
	e := encoder{config: c, sparse: true}
	return e.section(k, v, e.fresh(k))
}

// writeOut writes v in full, as [Config.Get] returns it.
func writeOut(k *key, v reflect.Value) string {
	n := (&encoder{}).value(k, v, reflect.Value{})
	if n.shape == scalar {
		return bare(n.text)
	}
	return n.flow()
}

// bare is how a single value is written where nothing stands around it.
func bare(text string) string {
	if text == "" || text[0] == '"' || text[0] == '\'' || strings.TrimSpace(text) != text ||
		strings.ContainsFunc(text, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return strconv.Quote(text)
	}
	return text
}

// encoder turns values into nodes, the reverse of decoder.
type encoder struct {
	// config has the defaults that its listeners inherit; used if sparse.
	config *Config
	// sparse leaves out what is the same without being written.
	sparse bool
	// negativeIsZero writes zero for negative numbers.
	negativeIsZero bool
}

// fresh is what a value under k is when nothing of it is written; invalid if
// everything is to be written.
func (e *encoder) fresh(k *key) reflect.Value {
	if !e.sparse {
		return reflect.Value{}
	}
	if l, ok := k.fresh.Interface().(Listener); ok {
		l.Settings = e.config.Defaults
		return reflect.ValueOf(l)
	}
	return k.fresh
}

// value returns nil for what need not be written. The value without being
// written is base, if that is valid.
func (e *encoder) value(k *key, v, base reflect.Value) *node {
	switch k.kind {
	case section:
		return e.optional(k, v, base)
	case names:
		return e.names(k, v)
	case list:
		return e.list(k, v)
	case headers:
		return headerNode(v)
	}
	if base.IsValid() && !k.required && k.same(v, base) {
		return nil
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	if e.negativeIsZero && v.CanInt() && v.Int() < 0 {
		v = reflect.Zero(v.Type())
	}
	n := scalarNode(k.write(v))
	n.quoted = k.kind == text && likeAnother(n.text)
	return n
}

// same looks only at what k itself holds of a struct it shares with other keys.
func (k *key) same(a, b reflect.Value) bool {
	if k.kind == workers {
		return k.write(a) == k.write(b)
	}
	return equal(a, b)
}

// optional writes a section that may be absent, either as a nil pointer or by
// having nothing in it.
func (e *encoder) optional(k *key, v, base reflect.Value) *node {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return e.section(k, v.Elem(), e.fresh(k))
	}
	n := e.section(k, v, base)
	if e.sparse && len(n.entries) == 0 {
		return nil
	}
	return n
}

func (e *encoder) section(k *key, v, base reflect.Value) *node {
	n := &node{shape: mapping}
	for _, child := range k.keys {
		var under reflect.Value
		if base.IsValid() {
			under = child.in(base)
		}
		if value := e.value(child, child.in(v), under); value != nil {
			n.entries = append(n.entries, entry{key: child.name, value: value})
		}
	}
	return n
}

func (e *encoder) names(k *key, v reflect.Value) *node {
	if e.sparse && v.Len() == 0 {
		return nil
	}
	n := &node{shape: mapping}
	for _, name := range v.MapKeys() {
		n.entries = append(n.entries, entry{key: name.String(), value: e.section(k.each, v.MapIndex(name), e.fresh(k.each))})
	}
	slices.SortFunc(n.entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return n
}

// list writes its items without their defaults in any case: a list is one
// value, and the shorter the better.
func (e *encoder) list(k *key, v reflect.Value) *node {
	if e.sparse && v.Len() == 0 {
		return nil
	}
	items := encoder{config: e.config, sparse: true}
	n := &node{shape: sequence}
	for i := range v.Len() {
		n.items = append(n.items, items.section(k.each, v.Index(i), items.fresh(k.each)))
	}
	return n
}

func headerNode(v reflect.Value) *node {
	fields := v.Interface().(map[string]string)
	if len(fields) == 0 {
		return nil
	}
	n := &node{shape: mapping}
	for _, name := range sortedKeys(fields) {
		value := scalarNode(fields[name])
		value.quoted = likeAnother(value.text)
		n.entries = append(n.entries, entry{key: name, value: value})
	}
	return n
}

// write is the reverse of parse.
func (k *key) write(v reflect.Value) string {
	switch k.kind {
	case boolean:
		return strconv.FormatBool(v.Bool())
	case integer, duration, size:
		return k.quantity(v.Int())
	case workers:
		if p := v.Interface().(Prefork); !p.Auto {
			return strconv.Itoa(p.Workers)
		}
		return "auto"
	}
	return v.String()
}
