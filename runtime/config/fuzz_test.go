package config_test

import (
	"math/rand"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

func FuzzParse(f *testing.F) {
	f.Add(config.Sample())
	f.Add([]byte(shop))
	f.Add(large(2))
	for _, m := range mistakes {
		if len(m.text) < 4096 {
			f.Add([]byte(m.text))
		}
	}
	g := generator{rand.New(rand.NewSource(1))}
	for range 20 {
		f.Add([]byte(g.config()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := config.Parse("my.yaml", data)
		if err != nil {
			if c != nil || err.Error() == "" {
				t.Fatalf("got %v and %q", c, err)
			}
			return
		}
		sameWhenWritten(t, c)
	})
}

func FuzzWith(f *testing.F) {
	f.Add("listeners.web.timeouts.idle", "2s", false)
	f.Add("listeners.web", "", true)
	f.Add("listeners.new", "{address: ':90', routes: [{match: /, respond: {body: \"x\\ny\"}}]}", false)
	f.Add("listeners.web.routes", "[{match: GET /x, stats: {}}]", false)
	f.Add("pools.api.backends.b", "{url: http://h:1, weight: 2}", false)
	f.Add("defaults", "{timeouts: {read: 1s}, limits: {max_header_bytes: 2KiB}}", false)
	f.Add("listeners.web.address", `"[::1]:80"`, false)
	f.Add("version", "1", true)
	for _, k := range config.Keys() {
		f.Add(k.Path, k.Default, false)
	}
	from, err := config.Parse("my.yaml", []byte(shop))
	if err != nil {
		f.Fatal(err)
	}
	before := string(from.YAML())
	f.Fuzz(func(t *testing.T, path, value string, unset bool) {
		to, err := from.With(config.Patch{{Path: path, Value: value, Unset: unset}})
		if got := string(from.YAML()); got != before {
			t.Fatalf("the receiver changed:\n%s", got)
		}
		if err != nil {
			return
		}
		sameWhenWritten(t, to)
		if got, err := from.With(config.PatchOf(config.Diff(from, to))); err != nil || !got.Equal(to) {
			t.Fatalf("%v %s", err, lines(config.Diff(got, to)))
		}
	})
}

func sameWhenWritten(t *testing.T, c *config.Config) {
	t.Helper()
	again, err := config.Parse("my.yaml", c.YAML())
	if err != nil {
		t.Fatalf("%v\n%s", err, c.YAML())
	}
	if !again.Equal(c) {
		t.Fatalf("differs: %s\n%s", lines(config.Diff(c, again)), c.YAML())
	}
}
