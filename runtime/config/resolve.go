package config

import (
	"path/filepath"
	"reflect"
	"regexp"
	goruntime "runtime"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
)

// resolve makes the Config that a document describes: what the author wrote,
// and for everything else what is inherited or the default.
func resolve(doc *document, r *report) (*Config, error) {
	c := new(Config)
	*c = schema.fresh.Interface().(Config)
	c.Listeners, c.Pools, c.doc = map[string]Listener{}, map[string]Pool{}, doc
	d := decoder{report: r, config: c, dir: doc.dir}
	d.value(schema, doc.root, reflect.ValueOf(c).Elem(), nil)
	validate(c, doc, r)
	if err := r.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// decoder fills a Config along the schema, and reports what does not fit.
type decoder struct {
	report *report
	config *Config
	dir    string
}

// value reads n into v, which already holds what is true without n.
func (d *decoder) value(k *key, n *node, v reflect.Value, path []string) {
	if n.shape == broken {
		return
	}
	if f := k.misfit(n); f != nil {
		d.report.add(path, d.placeOf(path), f)
		return
	}
	switch k.kind {
	case section:
		d.section(k, n, v, path)
	case names:
		d.names(k, n, v, path)
	case list:
		d.list(k, n, v, path)
	case headers:
		d.headers(n, v, path)
	default:
		d.scalar(k, n, v, path)
	}
}

// misfit tells what is wrong with n before looking into it.
func (k *key) misfit(n *node) *fault {
	if n.shape == k.shape() {
		return nil
	}
	return faultf("is %s, not %s", n.shape.article(), k.article()).like(k)
}

func (d *decoder) section(k *key, n *node, v reflect.Value, path []string) {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
		v.Set(k.fresh)
	}
	misspelt := map[string]bool{}
	for _, e := range n.entries {
		if k.below(e.key) == nil {
			d.report.add(append(path, e.key), e.at, unknownKey(k, e.key))
			misspelt[words.Nearest(e.key, k.known())] = true
		}
	}
	// In the order of the schema, in which defaults come before what inherits them.
	for _, child := range k.keys {
		here := append(path, child.name)
		if value := n.get(child.name); value != nil {
			d.value(child, value, child.in(v), here)
		} else if child.required && !misspelt[child.name] {
			d.report.add(here, d.placeOf(path), faultf("is missing").like(child))
		}
	}
}

// placeOf a scalar is its own, that of a collection the key that holds it.
func (d *decoder) placeOf(path []string) position { return d.config.doc.root.locate(path) }

func unknownKey(k *key, word string) *fault {
	f := faultf("unknown key")
	if len(k.keys) == 0 {
		return f.like(k)
	}
	for _, child := range k.keys {
		if child.kind == section && child.below(word) != nil {
			return f.hintf("did you mean %q?", child.name+"."+word)
		}
	}
	f.hint = suggest(word, k.known())
	return f
}

// like hints at how k is written.
func (f *fault) like(k *key) *fault {
	if k.example != "" {
		f.hintf("write it like %s", k.example)
	}
	return f
}

func (d *decoder) names(k *key, n *node, v reflect.Value, path []string) {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.entries)))
	item := reflect.New(v.Type().Elem()).Elem()
	for _, e := range n.entries {
		here := append(path, e.key)
		if f := checkName(e.key); f != nil {
			d.report.add(here, e.at, f)
			continue
		}
		item.Set(k.each.fresh)
		if l, ok := item.Addr().Interface().(*Listener); ok {
			l.Settings = d.config.Defaults
			l.Routes = []Route{}
		}
		d.value(k.each, e.value, item, here)
		v.SetMapIndex(reflect.ValueOf(e.key), item)
	}
}

func (d *decoder) list(k *key, n *node, v reflect.Value, path []string) {
	if len(n.items) > int(k.limits.max) {
		d.report.add(path, d.placeOf(path), faultf("%d %s are too many", len(n.items), k.name).hintf("at most %d", k.limits.max))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		v.Index(i).Set(k.each.fresh)
		d.value(k.each, item, v.Index(i), append(path, strconv.Itoa(i)))
	}
}

func (d *decoder) headers(n *node, v reflect.Value, path []string) {
	if len(n.entries) == 0 {
		return
	}
	fields, spelling := make(map[string]string, len(n.entries)), make(map[string]string, len(n.entries))
	for _, e := range n.entries {
		here := append(path, e.key)
		f := checkHeader(e.key, e.value)
		if other, twice := spelling[strings.ToLower(e.key)]; f == nil && twice {
			f = faultf("is the same header as %s", other)
		}
		if f != nil {
			d.report.add(here, e.at, f)
		}
		spelling[strings.ToLower(e.key)] = e.key
		fields[e.key] = e.value.text
	}
	v.Set(reflect.ValueOf(fields))
}

func (d *decoder) scalar(k *key, n *node, v reflect.Value, path []string) {
	if n.quoted && !k.mayBeQuoted() {
		if k.parse(n.text, reflect.New(v.Type()).Elem()) == nil {
			d.report.add(path, n.at, faultf("%q is a text", shorten(n.text)).hintf("write %s without quotes", shorten(n.text)))
			return
		}
	}
	f := k.parse(n.text, v)
	if f == nil && k.check != nil {
		f = k.check(n.text)
	}
	if f != nil {
		d.report.add(path, n.at, f)
		return
	}
	switch k.path {
	case "listeners.*.routes.*.files.root", "listeners.*.tls.cert_file", "listeners.*.tls.key_file":
		v.SetString(d.rooted(n.text))
	}
}

func (d *decoder) rooted(root string) string {
	if d.dir == "" || filepath.IsAbs(root) {
		return root
	}
	return filepath.Join(d.dir, root)
}

// parse reads text into v, which is left alone if the text does not fit.
func (k *key) parse(text string, v reflect.Value) *fault {
	if v.Kind() == reflect.Pointer { // to what may be absent
		to := reflect.New(v.Type().Elem())
		f := k.parse(text, to.Elem())
		if f == nil {
			v.Set(to)
		}
		return f
	}
	var n int64
	var err error
	switch k.kind {
	case boolean:
		var b bool
		if b, err = parseBool(text); err == nil {
			v.SetBool(b)
		}
		return asFault(err)
	case enum:
		return k.parseChoice(text, v)
	case workers:
		var p Prefork
		if p, err = parseWorkers(text); err == nil {
			err = k.bound(int64(p.Workers))
		}
		if err == nil {
			v.FieldByName("Workers").SetInt(int64(p.Workers))
			v.FieldByName("Auto").SetBool(p.Auto)
		}
		return asFault(err)
	case integer:
		n, err = parseInt(text)
	case duration:
		var d Duration
		d, err = parseDuration(text)
		n = int64(d)
	case size:
		var s Size
		s, err = parseSize(text)
		n = int64(s)
	default:
		v.SetString(text)
		return nil
	}
	if err == nil {
		err = k.bound(n)
	}
	if err == nil {
		v.SetInt(n)
	}
	return asFault(err)
}

// asFault is for errors of functions that return nothing but faults.
func asFault(err error) *fault {
	f, _ := err.(*fault)
	return f
}

func (k *key) bound(n int64) error {
	l := k.limits
	switch {
	case l == limits{} || l.min <= n && n <= l.max || n == 0 && k.never:
		return nil
	case n < l.min && k.never:
		return faultf("%s is too small", k.quantity(n)).hintf("at least %s, or %s for never", k.quantity(l.min), k.quantity(0))
	case n < l.min:
		return faultf("%s is too small", k.quantity(n)).hintf("at least %s", k.quantity(l.min))
	}
	return faultf("%s is too large", k.quantity(n)).hintf("at most %s", k.quantity(l.max))
}

// quantity writes a number in the unit of the key.
func (k *key) quantity(n int64) string {
	switch k.kind {
	case duration:
		return Duration(n).String()
	case size:
		return Size(n).String()
	}
	return strconv.FormatInt(n, 10)
}

func (k *key) parseChoice(text string, v reflect.Value) *fault {
	for _, c := range k.choices {
		if c == text {
			v.SetString(text)
			return nil
		}
	}
	f := faultf("unknown %s %q", k.name, shorten(text))
	if f.hint = suggest(text, k.choices); k.meant[strings.ToLower(text)] != "" {
		f.hintf("did you mean %q?", k.meant[strings.ToLower(text)])
	}
	return f
}

func parseWorkers(text string) (Prefork, error) {
	if text == "auto" {
		return Prefork{Workers: min(goruntime.NumCPU(), maxWorkers), Auto: true}, nil
	}
	n, err := parseInt(text)
	if f := asFault(err); f != nil && f.hint == "" {
		return Prefork{}, f.hintf("write a number or auto")
	}
	return Prefork{Workers: int(n)}, err
}

// mayBeQuoted: "4" in quotes is a text, but no other reading of "10s" exists.
func (k *key) mayBeQuoted() bool {
	switch k.kind {
	case integer, boolean:
		return false
	}
	return true
}

func (k *key) shape() shape {
	switch k.kind {
	case section, names, headers:
		return mapping
	case list:
		return sequence
	}
	return scalar
}

func (s shape) article() string {
	switch s {
	case mapping:
		return "a map"
	case sequence:
		return "a list"
	}
	return "a single value"
}

func (k *key) article() string {
	switch k.kind {
	case duration, size, text, enum, integer:
		return "a " + string(k.kind)
	case boolean, workers:
		return string(k.kind)
	}
	return k.shape().article()
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

// IsName reports whether a listener, pool or backend can have that name.
func IsName(name string) bool { return nameForm.MatchString(name) }

func checkName(name string) *fault {
	if nameForm.MatchString(name) {
		return nil
	}
	return faultf("not a name").hintf("a name has up to 63 letters, digits, - and _, and begins with a letter or digit")
}
