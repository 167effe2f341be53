package config

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// key describes one key of the config file. Everything this package does with
// a key, it knows from here.
type key struct {
	// path with * for a name the author chooses and for the index of an item.
	path     string
	kind     kind
	fallback string // what holds when the key is absent and not inherited
	doc      string
	limits   limits
	choices  []string
	required bool
	check    func(text string) *fault // what kind and limits cannot say
	// effect of a change, that of the costliest direction. mild tells the
	// changes that are live nonetheless; nil means none.
	effect Effect
	mild   func(from, to string) bool

	// The rest is worked out by build.
	name  string
	keys  []*key // of a section, in the order of the table
	each  *key   // of names and lists: what they hold
	field []int  // where a struct keeps it
	fresh reflect.Value
}

type kind string

const (
	section  kind = "section"     // its keys are known
	names    kind = "map by name" // the author chooses its keys
	list     kind = "list"
	headers  kind = "map" // of header fields
	truth    kind = "true or false"
	integer  kind = "number"
	duration kind = "duration"
	size     kind = "size"
	text     kind = "text"
	choice   kind = "choice" // one of a few words
	workers  kind = "number or auto"
	unserved kind = "not served" // known, but of a later version
)

// limits of a number, duration or size, both included.
type limits struct{ least, most int64 }

const (
	day = int64(24 * time.Hour)
	kib = int64(1) << 10
	mib = int64(1) << 20
	// many is more than any kernel grants, and far from overflowing anything.
	many = 10_000_000
	// mostBackends is how many cells the scoreboard has, over all pools.
	mostBackends = 256
	mostWorkers  = 256
)

var upToDay = limits{0, day}

// settings are the keys that listeners inherit; they stand in the table twice.
func settings(under string) []*key {
	rows := []*key{
		{path: "timeouts", kind: section},
		{path: "timeouts.read", kind: duration, fallback: "10s", limits: upToDay, effect: Live,
			doc: "Bounds a whole request, body included, from its first byte. 0s means no bound."},
		{path: "timeouts.read_header", kind: duration, fallback: "5s", limits: upToDay, effect: Live,
			doc: "Bounds the request header, and the wait for the first byte of a new connection. 0s means no bound."},
		{path: "timeouts.write", kind: duration, fallback: "10s", limits: upToDay, effect: Live,
			doc: "Bounds handling and response, from the end of the request. 0s means no bound."},
		{path: "timeouts.idle", kind: duration, fallback: "2m0s", limits: upToDay, effect: Live,
			doc: "Bounds the wait for the next request. 0s means no bound."},
		{path: "timeouts.shutdown", kind: duration, fallback: "30s", limits: upToDay, effect: Live,
			doc: "Bounds the drain of connections when a worker or listener ends. 0s means no bound."},
		{path: "keep_alive", kind: section},
		{path: "keep_alive.enabled", kind: truth, fallback: "true", effect: Live,
			doc: "false closes every connection after one response."},
		{path: "keep_alive.period", kind: duration, fallback: "3m0s", limits: upToDay, effect: Live,
			doc: "Period of TCP keep-alive probes."},
		{path: "keep_alive.max_conns", kind: integer, fallback: "0", limits: limits{0, many}, effect: Live,
			doc: "How many connections may wait idle; beyond it a response closes its connection. 0 means no bound."},
		{path: "buffers", kind: section},
		{path: "buffers.read", kind: size, fallback: "4KiB", limits: limits{kib, mib}, effect: Live,
			doc: "Held per connection while a request is read."},
		{path: "buffers.write", kind: size, fallback: "4KiB", limits: limits{kib, mib}, effect: Live,
			doc: "Held per connection while a response is written."},
		{path: "limits", kind: section},
		{path: "limits.max_header_bytes", kind: size, fallback: "16KiB", limits: limits{kib, mib}, effect: Live,
			doc: "Bounds a request's header."},
		{path: "limits.max_connections", kind: integer, fallback: "10000", limits: limits{0, many}, effect: Live,
			doc: "Bounds open connections of the listener, shared evenly by its workers. 0 means no bound."},
		{path: "limits.max_request_bytes", kind: size, fallback: "10MiB", limits: limits{0, 1 << 20 * mib}, effect: Live,
			doc: "Bounds a request's body. 0 means no bound."},
		{path: "limits.accept_rate", kind: integer, fallback: "0", limits: limits{0, many}, effect: Live,
			doc: "Bounds accepted connections per second, shared evenly by the listener's workers. 0 means no bound."},
	}
	for _, k := range rows {
		k.path = under + "." + k.path
	}
	return rows
}

func table() []*key {
	return slices.Concat(
		[]*key{
			{path: "version", kind: integer, required: true, check: checkVersion, effect: Restart,
				doc: "Version of the schema, always 1."},
			{path: "defaults", kind: section,
				doc: "Inherited by every listener that does not set them itself."},
		}, settings("defaults"),
		[]*key{
			{path: "listeners", kind: names, doc: "Listeners by name."},
			{path: "listeners.*", kind: section, effect: Drain, mild: added, doc: "One endpoint."},
			{path: "listeners.*.protocol", kind: choice, fallback: "http", choices: []string{"http", "http2", "quic"},
				check: checkProtocol, effect: Rebind,
				doc: "http (HTTP/1.1). http2 and quic are known words, but not served by this version."},
			{path: "listeners.*.address", kind: text, required: true, check: checkAddress, effect: Rebind,
				doc: "host:port; the host may be empty."},
			{path: "listeners.*.enabled", kind: truth, fallback: "true", effect: Drain, mild: becomesTrue,
				doc: "Enabled listeners are served, others keep their place in the file."},
			{path: "listeners.*.prefork", kind: section},
			{path: "listeners.*.prefork.workers", kind: workers, fallback: "0", limits: limits{0, mostWorkers},
				effect: Drain, mild: moreWorkers,
				doc: "How many worker processes serve the listener; auto means one per CPU. 0 serves in the master process."},
		}, settings("listeners.*"),
		[]*key{
			{path: "listeners.*.tls", kind: unserved, effect: Rebind},
			{path: "listeners.*.routes", kind: list, effect: Live,
				doc: "Matched by the rules of Go's http.ServeMux. Set as a whole."},
			{path: "listeners.*.routes.*", kind: section, effect: Live,
				doc: "Sends matching requests to exactly one of respond, files, proxy and stats."},
			{path: "listeners.*.routes.*.match", kind: text, required: true, effect: Live,
				doc: "A pattern: [METHOD ][HOST]/[PATH]."},
			{path: "listeners.*.routes.*.respond", kind: section, effect: Live,
				doc: "Answers with a fixed response."},
			{path: "listeners.*.routes.*.respond.status", kind: integer, fallback: "200", limits: limits{200, 599}, effect: Live,
				doc: "Status of the response."},
			{path: "listeners.*.routes.*.respond.headers", kind: headers, effect: Live,
				doc: "Header fields to set. Content-Type defaults to text/plain; charset=utf-8."},
			{path: "listeners.*.routes.*.respond.body", kind: text, effect: Live,
				doc: "Body of the response."},
			{path: "listeners.*.routes.*.files", kind: section, effect: Live,
				doc: "Serves a directory. Nothing outside of it can be reached."},
			{path: "listeners.*.routes.*.files.root", kind: text, required: true, check: checkRoot, effect: Live,
				doc: "The directory; a relative one is relative to the config file."},
			{path: "listeners.*.routes.*.files.index", kind: text, fallback: "index.html", check: checkIndex, effect: Live,
				doc: "Served for a directory."},
			{path: "listeners.*.routes.*.proxy", kind: section, effect: Live,
				doc: "Forwards to a backend of a pool."},
			{path: "listeners.*.routes.*.proxy.pool", kind: text, required: true, effect: Live,
				doc: "Name of the pool."},
			{path: "listeners.*.routes.*.stats", kind: section, effect: Live,
				doc: "Answers with the listener's connection counts as JSON."},

			{path: "pools", kind: names, doc: "Pools of backends by name."},
			{path: "pools.*", kind: section, effect: Drain, mild: added,
				doc: "A set of backends and the bounds of the connections kept to them."},
			{path: "pools.*.balance", kind: choice, fallback: "least_connections",
				choices: []string{"least_connections", "round_robin", "random"}, effect: Live,
				doc: "How a backend is picked."},
			{path: "pools.*.max_conns", kind: integer, fallback: "512", limits: limits{1, many}, effect: Live,
				doc: "Bounds connections per backend and process."},
			{path: "pools.*.max_wait", kind: duration, fallback: "5s", limits: upToDay, effect: Live,
				doc: "Bounds the wait for a free connection."},
			{path: "pools.*.idle_timeout", kind: duration, fallback: "1m0s", limits: upToDay, effect: Live,
				doc: "Closes a connection unused for so long."},
			{path: "pools.*.dial_timeout", kind: duration, fallback: "3s", limits: upToDay, effect: Live,
				doc: "Bounds connecting to a backend."},
			{path: "pools.*.read_timeout", kind: duration, fallback: "30s", limits: upToDay, effect: Live,
				doc: "Bounds the wait for a backend's response."},
			{path: "pools.*.backends", kind: names, required: true, doc: "Backends by name; at least one."},
			{path: "pools.*.backends.*", kind: section, effect: Drain, mild: added, doc: "One server of a pool."},
			{path: "pools.*.backends.*.url", kind: text, required: true, check: checkURL, effect: Drain,
				doc: "http://host:port."},
			{path: "pools.*.backends.*.weight", kind: integer, fallback: "1", limits: limits{1, 1000}, effect: Live,
				doc: "The backend's share, relative to its siblings."},
		})
}

// schema is the table as a tree.
var schema = build(table())

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
	// Least and Most are the smallest and largest value, written like the
	// value; empty for what is not counted.
	Least string `json:"least,omitempty"`
	Most  string `json:"most,omitempty"`
	// Required keys have no default and must be there.
	Required bool `json:"required,omitempty"`
	// Doc says what the value means.
	Doc string `json:"doc"`
	// Effect of changing it, in the costliest direction. [EffectOf] tells that
	// of one change.
	Effect Effect `json:"effect"`
}

// Keys lists every key that has a value of its own, in the order of the
// reference. Keys that only hold other keys are left out.
func Keys() []Key {
	var keys []Key
	schema.visit(func(k *key) {
		switch k.kind {
		case section, names, unserved:
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
		Path: k.path, Type: string(k.kind), Default: k.fallback, Choices: slices.Clone(k.choices),
		Required: k.required, Doc: k.doc, Effect: k.effect,
	}
	if k.limits != (limits{}) {
		d.Least, d.Most = k.quantity(k.limits.least), k.quantity(k.limits.most)
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
		case child.fallback != "":
			if f := child.parse(child.fallback, at); f != nil {
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
