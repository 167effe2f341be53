package config_test

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

const shop = `version: 1
defaults:
  timeouts: {idle: 30s}
listeners:
  web:
    address: ":8080"
    routes: [{match: /, proxy: {pool: api}}]
  admin:
    address: ":8081"
    timeouts: {idle: 5s}
pools:
  api:
    backends:
      a: {url: "http://127.0.0.1:9001"}
`

func TestEditsChangeWhatTheySay(t *testing.T) {
	for _, tt := range []struct {
		edit      config.Edit
		get, want string
	}{
		{config.Edit{Path: "listeners.web.timeouts.idle", Value: "2s"}, "listeners.web.timeouts.idle", "2s"},
		{config.Edit{Path: "listeners.web.enabled", Value: "false"}, "listeners.web.enabled", "false"},
		{config.Edit{Path: "listeners.web.prefork.workers", Value: " 6 "}, "listeners.web.prefork.workers", "6"},
		{config.Edit{Path: "listeners.web.prefork.workers", Value: "auto"}, "listeners.web.prefork", "{workers: auto, steering: auto, hang_timeout: 10s, orphan_timeout: 1m0s, recycle: {max_requests: 0, max_age: 0s, max_memory: 0}}"},
		{config.Edit{Path: "listeners.web.prefork", Value: "{workers: 3}"}, "listeners.web.prefork.workers", "3"},
		{config.Edit{Path: "listeners.web.address", Value: "[::1]:90"}, "listeners.web.address", "[::1]:90"},
		{config.Edit{Path: "listeners.web.address", Value: `":90"`}, "listeners.web.address", ":90"},
		{config.Edit{Path: "listeners.web.address", Value: `':90'`}, "listeners.web.address", ":90"},
		{config.Edit{Path: "listeners.web.routes", Value: "[{match: /x, stats: {}}]"}, "listeners.web.routes", "[{match: /x, stats: {}}]"},
		{config.Edit{Path: "listeners.web.routes", Value: "- {match: /x, stats: {}}\n- {match: /y, stats: {}}"}, "listeners.web.routes", "[{match: /x, stats: {}}, {match: /y, stats: {}}]"},
		{config.Edit{Path: "listeners.new", Value: "{address: ':90'}"}, "listeners.new.timeouts.idle", "30s"},
		{config.Edit{Path: "pools.new", Value: "{backends: {x: {url: 'http://h:1'}}}"}, "pools.new.max_conns", "512"},
		{config.Edit{Path: "pools.api.backends.b", Value: "{url: 'http://h:1', weight: 3}"}, "pools.api.backends.b.weight", "3"},
		{config.Edit{Path: "pools.api.backends.a.weight", Value: "7"}, "pools.api.backends.a", "{url: \"http://127.0.0.1:9001\", weight: 7}"},
		{config.Edit{Path: "pools.api.balance", Value: "random"}, "pools.api.balance", "random"},
		{config.Edit{Path: "defaults.timeouts.idle", Value: "1m"}, "listeners.web.timeouts.idle", "1m0s"},
		{config.Edit{Path: "defaults.timeouts.idle", Value: "1m"}, "listeners.admin.timeouts.idle", "5s"},
		{config.Edit{Path: "listeners.admin.timeouts.idle", Unset: true}, "listeners.admin.timeouts.idle", "30s"},
		{config.Edit{Path: "defaults", Unset: true}, "listeners.web.timeouts.idle", "2m0s"},
		{config.Edit{Path: "listeners.web.tls", Unset: true}, "listeners.web.address", ":8080"},
		{config.Edit{Path: "listeners.web.limits.accept_rate", Unset: true}, "listeners.web.limits.accept_rate", "0"},
		{config.Edit{Path: "listeners.web", Unset: true}, "listeners.admin.address", ":8081"},
	} {
		t.Run(tt.edit.Path+"="+tt.edit.Value, func(t *testing.T) {
			before := parsed(t, shop)
			after, err := before.With(config.Patch{tt.edit})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := after.Get(tt.get); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.get, got, tt.want)
			}
			if !before.Equal(parsed(t, shop)) || string(before.YAML()) != string(parsed(t, shop).YAML()) {
				t.Errorf("the receiver changed:\n%s", before.YAML())
			}
			if again := parsed(t, string(after.YAML())); !again.Equal(after) {
				t.Errorf("YAML says something else: %v\n%s", config.Diff(after, again), after.YAML())
			}
		})
	}
}

func TestUnsetLeavesNothingBehind(t *testing.T) {
	c, err := parsed(t, shop).With(config.Patch{
		{Path: "listeners.admin.timeouts.idle", Unset: true},
		{Path: "defaults.timeouts.idle", Unset: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if y := string(c.YAML()); strings.Contains(y, "timeouts") || strings.Contains(y, "defaults") {
		t.Errorf("got\n%s", y)
	}
}

func TestRefusedEditsSayWhy(t *testing.T) {
	for _, tt := range []struct {
		patch config.Patch
		want  string
	}{
		{config.Patch{{Path: "listeners.web.timeouts.idel", Value: "2s"}}, `listeners.web.timeouts.idel: unknown key, did you mean "idle"?`},
		{config.Patch{{Path: "listeners.web.idle", Value: "2s"}}, `listeners.web.idle: unknown key, did you mean "timeouts.idle"?`},
		{config.Patch{{Path: "lisners.web", Value: "{}"}}, `lisners: unknown key, did you mean "listeners"?`},
		{config.Patch{{Path: "", Value: "1"}}, `"": unknown key; known: version, reload, defaults, listeners, pools`},
		{config.Patch{{Path: "listeners..timeouts", Value: "{}"}}, `listeners."": no listener ""; known: admin, web`},
		{config.Patch{{Path: "listeners.wbe.enabled", Value: "false"}}, `listeners.wbe: no listener "wbe", did you mean "web"?`},
		{config.Patch{{Path: "listeners.shop.enabled", Value: "false"}}, `listeners.shop: no listener "shop"; known: admin, web`},
		{config.Patch{{Path: "listeners.shop", Unset: true}}, `listeners.shop: no listener "shop"; known: admin, web`},
		{config.Patch{{Path: "pools.apis.max_conns", Value: "1"}}, `pools.apis: no pool "apis", did you mean "api"?`},
		{config.Patch{{Path: "pools.api.backends.z.weight", Value: "1"}}, `pools.api.backends.z: no backend "z"; known: a`},
		{config.Patch{{Path: "listeners.web.routes.0.match", Value: "/"}}, `listeners.web.routes.0: routes can only be set as a whole; set listeners.web.routes`},
		{config.Patch{{Path: "listeners.web.address.port", Value: "1"}}, `listeners.web.address.port: listeners.web.address holds no other keys; set listeners.web.address`},
		{config.Patch{{Path: "listeners.web.timeouts.idle", Value: ""}}, `listeners.web.timeouts.idle: has no value; unset it to inherit it`},
		{config.Patch{{Path: "listeners.web.timeouts.idle", Value: "10"}}, `listeners.web.timeouts.idle: a duration needs a unit; write "10s"`},
		{config.Patch{{Path: "listeners.web.timeouts.idle", Value: "\"10s"}}, `listeners.web.timeouts.idle: not YAML: found unexpected end of stream while scanning a quoted scalar`},
		{config.Patch{{Path: "listeners.web.timeouts", Value: "5s"}}, `listeners.web.timeouts: is a single value, not a map; write it like timeouts: {idle: 30s}`},
		{config.Patch{{Path: "listeners.web.timeouts", Value: "{idel: 1s, read: {a: ~}}"}}, "listeners.web.timeouts.read.a: has no value"},
		{config.Patch{{Path: "listeners.web.timeouts", Value: "{idel: 1s, read: 5}"}}, "listeners.web.timeouts.idel: unknown key, did you mean \"idle\"?\n" +
			`listeners.web.timeouts.read: a duration needs a unit; write "5s"`},
		{config.Patch{{Path: "listeners.web.protocol", Value: "quic"}}, `listeners.web.protocol: quic needs tls; write tls: {cert_file: cert.pem, key_file: key.pem}`},
		{config.Patch{{Path: "listeners.web.tls.cert_file", Value: "a"}}, `listeners.web.tls.key_file: is missing; write it like key_file: key.pem`},
		{config.Patch{{Path: "listeners.new", Value: "{}"}}, `listeners.new.address: is missing; write it like address: ":8080"`},
		{config.Patch{{Path: "listeners.n w", Value: "{address: ':1'}"}}, `listeners."n w": not a name; a name has up to 63 letters, digits, - and _, and begins with a letter or digit`},
		{config.Patch{{Path: "listeners.web.address", Value: ":8081"}}, `listeners.admin.address: listener web has the same address; give one of them another port`},
		{config.Patch{{Path: "pools.api", Unset: true}}, `listeners.web.routes.0.proxy.pool: no pool "api"`},
		{config.Patch{{Path: "pools.api.backends.a", Unset: true}}, `pools.api.backends: a pool needs at least one backend; write it like backends: {a: {url: "http://127.0.0.1:9001"}}`},
		{config.Patch{{Path: "version", Unset: true}}, `version: is missing; write it like version: 1`},
		{config.Patch{{Path: "version", Value: "2"}, {Path: "nope", Value: "1"}}, `nope: unknown key; known: version, reload, defaults, listeners, pools`},
		{config.Patch{{Path: "listeners.web.enabled", Value: "off"}, {Path: "defaults.limits.max_connections", Value: "-1"}},
			"defaults.limits.max_connections: -1 is too small; at least 0\nlisteners.web.enabled: \"off\" is neither true nor false; write false"},
	} {
		c := parsed(t, shop)
		to, err := c.With(tt.patch)
		if err == nil {
			t.Errorf("%v: accepted:\n%s", tt.patch, to.YAML())
			continue
		}
		if err.Error() != tt.want {
			t.Errorf("%v: got\n%v\nwant\n%s", tt.patch, err, tt.want)
		}
		if !c.Equal(parsed(t, shop)) {
			t.Errorf("%v: left a trace", tt.patch)
		}
	}
}

func TestEditsAreCheckedTogether(t *testing.T) {
	c, err := parsed(t, shop).With(config.Patch{
		{Path: "listeners.web.address", Value: ":8081"},
		{Path: "listeners.admin.address", Value: ":8080"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Listeners["web"].Address, ":8081"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func seeded(t *testing.T) generator {
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	return generator{rand.New(rand.NewSource(seed))}
}

// TestDifferenceLeadsThere: the difference of two configs turns one into the other.
func TestDifferenceLeadsThere(t *testing.T) {
	g, rounds := seeded(t), 150
	file := filepath.Join(t.TempDir(), "my.yaml")
	for range rounds {
		a, b := g.parsed(t, file), g.parsed(t, file)
		if g.chance(0.3) { // two that have much in common
			b = g.edited(a)
		}
		if g.chance(0.2) { // one without a document
			var plain config.Config
			throughJSON(t, a, &plain)
			a = &plain
		}
		changes := config.Diff(a, b)
		got, err := a.With(config.PatchOf(changes))
		if err != nil {
			t.Fatalf("%v\nfrom\n%sto\n%sby %s", err, a.YAML(), b.YAML(), lines(changes))
		}
		if rest := config.Diff(got, b); len(rest) > 0 {
			t.Fatalf("left: %s\nfrom\n%sto\n%sby %s", lines(rest), a.YAML(), b.YAML(), lines(changes))
		}
		if a.Equal(b) != (len(changes) == 0) {
			t.Fatalf("Equal disagrees with %s", lines(changes))
		}
		if len(config.Diff(a, a)) > 0 {
			t.Fatalf("differs from itself: %s", lines(config.Diff(a, a)))
		}
	}
}

func (g generator) parsed(t *testing.T, file string) *config.Config {
	text := g.config()
	c, err := config.Parse(file, []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func (g generator) edited(c *config.Config) *config.Config {
	for _, k := range config.Keys() {
		if !strings.HasPrefix(k.Path, "defaults.") || !g.chance(0.3) {
			continue
		}
		if to, err := c.With(config.Patch{{Path: k.Path, Value: g.value(k)}}); err == nil {
			c = to
		}
	}
	return c
}

func lines(changes []config.Change) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "\n  %+v", c)
	}
	return b.String()
}

func TestYAMLSaysTheSame(t *testing.T) {
	g := seeded(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	for range 100 {
		c := g.parsed(t, file)
		again, err := config.Parse(file, c.YAML())
		if err != nil {
			t.Fatalf("%v\n%s", err, c.YAML())
		}
		if !again.Equal(c) {
			t.Fatalf("differs: %s\n%s", lines(config.Diff(c, again)), c.YAML())
		}
		if string(again.YAML()) != string(c.YAML()) {
			t.Fatalf("written differently:\n%s\n%s", c.YAML(), again.YAML())
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	g := seeded(t)
	file := filepath.Join(t.TempDir(), "my.yaml")
	for range 60 {
		c := g.parsed(t, file)
		for _, l := range c.Listeners {
			sameThroughJSON(t, l)
		}
		for _, p := range c.Pools {
			sameThroughJSON(t, p)
		}
		var again config.Config
		throughJSON(t, c, &again)
		if !again.Equal(c) {
			t.Fatalf("differs: %s", lines(config.Diff(c, &again)))
		}
		// What came as JSON has no document, yet can be written and edited.
		if written, err := config.Parse("", again.YAML()); err != nil || !written.Equal(c) {
			t.Fatalf("%v\n%s%s", err, lines(config.Diff(c, written)), again.YAML())
		}
		if edited, err := again.With(config.PatchOf(config.Diff(&again, nil))); err != nil || !edited.Equal(nil) {
			t.Fatalf("%v\n%s", err, lines(config.Diff(edited, nil)))
		}
	}
}

func sameThroughJSON[T any](t *testing.T, v T) {
	t.Helper()
	var again T
	throughJSON(t, v, &again)
	if !reflect.DeepEqual(v, again) {
		t.Fatalf("got %+v, want %+v", again, v)
	}
}

func throughJSON(t *testing.T, from, to any) {
	t.Helper()
	data, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, data)
	}
}

func TestValuesInJSONAreThoseOfTheFile(t *testing.T) {
	data, err := json.Marshal(parsed(t, shop).Listeners["web"])
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"idle":"30s"`, `"read":"4KiB"`, `"max_request_bytes":"10MiB"`, `"protocol":"http"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s is not in %s", want, data)
		}
	}
	var d config.Duration
	if err := json.Unmarshal([]byte(`"10"`), &d); err == nil || !strings.Contains(err.Error(), `write "10s"`) {
		t.Errorf("got %v", err)
	}
	var s config.Size
	if err := json.Unmarshal([]byte(`"4KB"`), &s); err == nil || !strings.Contains(err.Error(), "4KiB") {
		t.Errorf("got %v", err)
	}
}

func TestManyReadOneConfig(t *testing.T) {
	c := parsed(t, shop)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				to, err := c.With(config.Patch{{Path: "listeners.web.prefork.workers", Value: fmt.Sprint(i + 1)}})
				if err != nil || to.Equal(c) {
					t.Errorf("edit %d: %v", i, err)
				}
				c.YAML()
				c.Get("listeners.web")
				config.Diff(c, to)
			}
		})
	}
	all.Wait()
	if !c.Equal(parsed(t, shop)) {
		t.Error("the config changed")
	}
}
