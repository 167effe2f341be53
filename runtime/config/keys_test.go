package config_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// TestEveryFieldHasAKey walks the structs; words they are named by in JSON are
// those of the file.
func TestEveryFieldHasAKey(t *testing.T) {
	var fields, keys []string
	leaves(reflect.TypeFor[config.Config](), "", &fields)
	for _, k := range config.Keys() {
		keys = append(keys, k.Path)
		if k.Doc == "" || k.Type == "" || k.Effect == "" {
			t.Errorf("%s says too little: %+v", k.Path, k)
		}
	}
	slices.Sort(fields)
	slices.Sort(keys)
	// A list is a key itself and has keys within.
	fields = append(fields, "listeners.*.routes")
	fields = slices.DeleteFunc(fields, func(f string) bool {
		return f == "listeners.*.prefork.auto"
	})
	slices.Sort(fields)
	if !slices.Equal(fields, keys) {
		t.Errorf("got keys\n%s\nwant\n%s", strings.Join(keys, "\n"), strings.Join(fields, "\n"))
	}
}

func leaves(t reflect.Type, path string, to *[]string) {
	switch t.Kind() {
	case reflect.Pointer:
		leaves(t.Elem(), path, to)
	case reflect.Map, reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			*to = append(*to, path)
			return
		}
		leaves(t.Elem(), path+".*", to)
	case reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" && f.IsExported() {
				leaves(f.Type, strings.TrimPrefix(path+"."+tag, "."), to)
			}
		}
	default:
		*to = append(*to, path)
	}
}

// TestDefaultsAreThoseOfTheTable also holds the comments of the structs true,
// which state the defaults.
func TestDefaultsAreThoseOfTheTable(t *testing.T) {
	c := parsed(t, "version: 1\nlisteners: {a: {address: \":1\"}}\npools: {a: {backends: {a: {url: \"http://h:1\"}}}}\n")
	for _, k := range config.Keys() {
		if k.Default == "" || strings.Contains(k.Path, "routes") {
			continue
		}
		path := strings.ReplaceAll(k.Path, "*", "a")
		if got, ok := c.Get(path); !ok || got != k.Default {
			t.Errorf("%s: got %q, %v, want %q", path, got, ok, k.Default)
		}
	}
	for path, want := range map[string]string{
		"defaults.timeouts":   "{read: 10s, read_header: 5s, write: 10s, request: 0s, response: 0s, idle: 2m0s, shutdown: 30s}",
		"defaults.keep_alive": "{enabled: true, period: 3m0s, max_conns: 0}",
		"defaults.buffers":    "{read: 4KiB, write: 4KiB}",
		"defaults.limits":     "{max_header_bytes: 16KiB, max_connections: 10000, max_request_bytes: 10MiB, accept_rate: 0, min_rate: {rate: 240, grace: 5s}}",
		"pools.a":             `{balance: least_connections, max_conns: 512, max_wait: 5s, idle_timeout: 1m0s, dial_timeout: 3s, read_timeout: 1m0s, max_header_bytes: 64KiB, backends: {a: {url: "http://h:1", weight: 1}}}`,
	} {
		if got, _ := c.Get(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestSampleIsAConfig(t *testing.T) {
	c := parsed(t, string(config.Sample()))
	l := c.Listeners["web"]
	if len(c.Listeners) != 1 || l.Address != ":8080" || l.Prefork.Workers != 2 || len(l.Routes) != 2 {
		t.Errorf("got\n%s", c.YAML())
	}
	if !reflect.DeepEqual(c.Defaults, config.New().Defaults) {
		t.Errorf("defaults: got %+v", c.Defaults)
	}
}

// TestSampleShowsTheDefaults uncomments every key of the sample.
func TestSampleShowsTheDefaults(t *testing.T) {
	text := regexp.MustCompile(`(?m)^#(\S|  )`).ReplaceAllString(string(config.Sample()), "$1")
	c := parsed(t, text)
	if got, want := c.Defaults, config.New().Defaults; got != want {
		t.Errorf("defaults: got %+v, want %+v", got, want)
	}
	for _, k := range config.Keys() {
		words := strings.Split(k.Path, ".")
		if !regexp.MustCompile(`(?m)\b` + words[len(words)-1] + `:`).MatchString(text) {
			t.Errorf("%s is not in the sample", k.Path)
		}
	}
	pool := c.Pools["api"]
	want := parsed(t, "version: 1\npools: {api: {backends: {a: {url: \"http://127.0.0.1:9001\"}}}}\n").Pools["api"]
	if !reflect.DeepEqual(pool, want) {
		t.Errorf("pool: got %+v, want %+v", pool, want)
	}
	if n := len(c.Listeners["web"].Routes); n != 4 {
		t.Errorf("got %d routes, want 4", n)
	}
}

func TestSizesAreWrittenShort(t *testing.T) {
	for size, want := range map[config.Size]string{
		0: "0", 1: "1", 1023: "1023", 1024: "1KiB", 1025: "1025", 1 << 20: "1MiB", 1<<20 + 1024: "1025KiB", 3 << 30: "3GiB", -2048: "-2KiB",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d: got %q, want %q", int64(size), got, want)
		}
		var again config.Size
		if err := again.UnmarshalText([]byte(want)); err != nil || again != size {
			t.Errorf("%q: got %d, %v", want, int64(again), err)
		}
	}
}
