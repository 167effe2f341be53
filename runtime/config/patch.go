package config

import (
	"slices"
	"strings"
)

// Patch is a list of edits, applied in order.
type Patch []Edit

// Edit sets, or with Unset removes, one value of the document.
type Edit struct {
	// Path has the words of the file joined by dots: "listeners.web.timeouts.idle".
	Path string `json:"path"`
	// Value is what one would write in the file: "2s", "6", "false", or a flow
	// collection like `[{match: /, respond: {body: hi}}]`. A single value needs
	// no quotes, but may have them.
	Value string `json:"value,omitempty"`
	// Unset removes the key, so that it is inherited again.
	Unset bool `json:"unset,omitempty"`
}

// With returns the Config that this one becomes by the edits; this one stays as
// it is. All edits are made before the result is checked. The error is
// [Errors], with everything that is wrong, by path and without lines.
//
// A listener, pool or backend is created by setting it as a whole:
// "listeners.api" to `{address: ":9090"}`. Routes are set as a whole, too.
func (c *Config) With(p Patch) (*Config, error) {
	doc, r := c.document(), &report{}
	e := editor{report: r}
	root := doc.root
	for _, edit := range p {
		root = e.apply(root, edit)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return resolve(&document{root: root, dir: doc.dir}, r)
}

// PatchOf returns the edits that make the changes.
func PatchOf(changes []Change) Patch {
	p := make(Patch, len(changes))
	for i, c := range changes {
		p[i] = Edit{Path: c.Path, Value: c.To, Unset: c.To == ""}
	}
	return p
}

// editor makes documents of documents.
type editor struct{ report *report }

// apply returns root as it is if the edit is refused.
func (e *editor) apply(root *node, edit Edit) *node {
	path := strings.Split(edit.Path, ".")
	k, ok := e.target(root, path, edit.Unset)
	if !ok {
		return root
	}
	var value *node
	if !edit.Unset {
		if value = e.read(k, edit.Value, path); value == nil {
			return root
		}
	}
	return put(schema, root, path, value)
}

// target finds the key that path means. All but its last word must be there
// already, as far as they are names.
func (e *editor) target(n *node, path []string, unset bool) (*key, bool) {
	k := schema
	for i, word := range path {
		create := i == len(path)-1 && !unset
		if f := e.step(k, n, word, path[:i], create); f != nil {
			e.report.add(path[:i+1], position{}, f)
			return nil, false
		}
		k, n = k.below(word), n.get(word)
	}
	return k, true
}

// step says what is wrong with going from n, which is at path, down to word.
func (e *editor) step(k *key, n *node, word string, path []string, create bool) *fault {
	switch {
	case k.kind == list:
		return faultf("%s can only be set as a whole", k.name).hintf("set %s", joinPath(path))
	case k.each == nil && len(k.keys) == 0:
		return faultf("%s holds no other keys", joinPath(path)).hintf("set %s", joinPath(path))
	case k.below(word) == nil:
		return unknownKey(k, word)
	case k.kind == names && n.get(word) == nil && !create:
		return unknownName(k, word, n.keys())
	}
	return nil
}

func unknownName(k *key, name string, known []string) *fault {
	one := strings.TrimSuffix(k.name, "s")
	f := faultf("no %s %q", one, shorten(name))
	slices.Sort(known)
	if f.hint = suggest(name, known); f.hint == "" {
		f.hintf("set it as a whole to create it")
	}
	return f
}

// read turns what was written into a node; nil if that was refused.
func (e *editor) read(k *key, value string, path []string) *node {
	if value = strings.TrimSpace(value); value == "" {
		e.report.add(path, position{}, faultf("has no value").hintf("unset it to inherit it"))
		return nil
	}
	if k.shape() == scalar && !quotes(value) {
		return &node{shape: scalar, text: value, quoted: k.kind == text && likeAnother(value)}
	}
	before := len(e.report.errors)
	n := load([]byte(value), path, e.report)
	if len(e.report.errors) > before {
		return nil
	}
	return n
}

func quotes(value string) bool { return value[0] == '"' || value[0] == '\'' }

// put returns n with the value at path, nil meaning none. What lies on the way
// is made as needed, and goes when nothing is left in it.
func put(k *key, n *node, path []string, value *node) *node {
	if len(path) == 0 {
		return value
	}
	if n == nil || n.shape != mapping {
		n = &node{shape: mapping}
	}
	n = n.with(path[0], put(k.below(path[0]), n.get(path[0]), path[1:], value))
	if value == nil && k.kind == section && k.name != "*" && k != schema && len(n.entries) == 0 {
		return nil
	}
	return n
}
