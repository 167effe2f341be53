package config_test

import (
	"slices"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

func TestDiffNamesEachChangeAndItsEffect(t *testing.T) {
	for _, tt := range []struct {
		name  string
		patch config.Patch
		want  []config.Change
	}{
		{"nothing", nil, nil},
		{"what holds anyway", config.Patch{{Path: "listeners.web.timeouts.idle", Value: "30s"}}, nil},
		{"a timeout", config.Patch{{Path: "listeners.web.timeouts.idle", Value: "2s"}}, []config.Change{
			{Path: "listeners.web.timeouts.idle", From: "30s", To: "2s", Effect: config.Live}}},
		{"routes", config.Patch{{Path: "listeners.web.routes", Value: "[]"}}, []config.Change{
			{Path: "listeners.web.routes", From: "[{match: /, proxy: {pool: api}}]", To: "[]", Effect: config.Live}}},
		{"a default, which one inherits", config.Patch{{Path: "defaults.timeouts.idle", Value: "1m"}}, []config.Change{
			{Path: "defaults.timeouts.idle", From: "30s", To: "1m0s", Effect: config.Live},
			{Path: "listeners.web.timeouts.idle", From: "30s", To: "1m0s", Effect: config.Live}}},
		{"a default, and one keeps what it inherited", config.Patch{
			{Path: "defaults.timeouts.idle", Value: "1m"}, {Path: "listeners.web.timeouts.idle", Value: "30s"}}, []config.Change{
			{Path: "defaults.timeouts.idle", From: "30s", To: "1m0s", Effect: config.Live},
			{Path: "listeners.web.timeouts.idle", From: "30s", To: "30s", Effect: config.Live}}},
		{"stop", config.Patch{{Path: "listeners.web.enabled", Value: "false"}}, []config.Change{
			{Path: "listeners.web.enabled", From: "true", To: "false", Effect: config.Drain}}},
		{"address and stop", config.Patch{{Path: "listeners.web.enabled", Value: "false"}, {Path: "listeners.web.address", Value: ":1"}}, []config.Change{
			{Path: "listeners.web.address", From: ":8080", To: ":1", Effect: config.Rebind},
			{Path: "listeners.web.enabled", From: "true", To: "false", Effect: config.Drain}}},
		{"prefork on", config.Patch{{Path: "listeners.web.prefork.workers", Value: "2"}}, []config.Change{
			{Path: "listeners.web.prefork.workers", From: "0", To: "2", Effect: config.Drain}}},
		{"a new listener", config.Patch{{Path: "listeners.new", Value: "{address: ':1', timeouts: {idle: 30s, read: 1s}, enabled: true}"}}, []config.Change{
			{Path: "listeners.new", To: `{address: ":1", timeouts: {read: 1s}}`, Effect: config.Live}}},
		{"listeners gone", config.Patch{{Path: "listeners", Unset: true}}, []config.Change{
			{Path: "listeners.admin", From: `{address: ":8081", timeouts: {idle: 5s}}`, Effect: config.Drain},
			{Path: "listeners.web", From: `{address: ":8080", routes: [{match: /, proxy: {pool: api}}]}`, Effect: config.Drain}}},
		{"a new backend", config.Patch{{Path: "pools.api.backends.b", Value: "{url: 'http://h:1'}"}}, []config.Change{
			{Path: "pools.api.backends.b", To: `{url: "http://h:1"}`, Effect: config.Live}}},
		{"another backend", config.Patch{{Path: "pools.api.backends", Value: "{b: {url: 'http://h:1', weight: 2}}"}}, []config.Change{
			{Path: "pools.api.backends.a", From: `{url: "http://127.0.0.1:9001"}`, Effect: config.Drain},
			{Path: "pools.api.backends.b", To: `{url: "http://h:1", weight: 2}`, Effect: config.Live}}},
		{"a pool", config.Patch{{Path: "pools.new", Value: "{max_conns: 512, max_wait: 1s, backends: {a: {url: 'http://h:1'}}}"}}, []config.Change{
			{Path: "pools.new", To: `{max_wait: 1s, backends: {a: {url: "http://h:1"}}}`, Effect: config.Live}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from := parsed(t, shop)
			to, err := from.With(tt.patch)
			if err != nil {
				t.Fatal(err)
			}
			if got := config.Diff(from, to); !slices.Equal(got, tt.want) {
				t.Errorf("got %s\nwant %s", lines(got), lines(tt.want))
			}
		})
	}
}

func TestWhatIsNotServedCostsNobody(t *testing.T) {
	off, err := parsed(t, shop).With(config.Patch{{Path: "listeners.web.enabled", Value: "false"}})
	if err != nil {
		t.Fatal(err)
	}
	to, err := off.With(config.Patch{{Path: "listeners.web.address", Value: ":1"}, {Path: "listeners.admin", Unset: true}})
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Change{
		{Path: "listeners.admin", From: `{address: ":8081", timeouts: {idle: 5s}}`, Effect: config.Drain},
		{Path: "listeners.web.address", From: ":8080", To: ":1", Effect: config.Live},
	}
	if got := config.Diff(off, to); !slices.Equal(got, want) {
		t.Errorf("got %s\nwant %s", lines(got), lines(want))
	}
}

func TestNilIsTheEmptyConfig(t *testing.T) {
	c := parsed(t, shop)
	made, err := config.New().With(config.PatchOf(config.Diff(nil, c)))
	if err != nil {
		t.Fatal(err)
	}
	if !made.Equal(c) || len(config.Diff(nil, nil)) > 0 {
		t.Errorf("differs: %s", lines(config.Diff(made, c)))
	}
}

func TestEffectDependsOnTheDirection(t *testing.T) {
	for _, tt := range []struct {
		path, from, to string
		want           config.Effect
	}{
		{"listeners.web.timeouts.idle", "1s", "2s", config.Live},
		{"listeners.web.keep_alive.enabled", "true", "false", config.Drain},
		{"listeners.web.keep_alive.enabled", "false", "true", config.Live},
		{"listeners.web.limits.max_connections", "1", "2", config.Live},
		{"listeners.web.buffers.read", "4KiB", "8KiB", config.Live},
		{"listeners.web.routes", "[]", "[]", config.Live},
		{"defaults.timeouts.idle", "1s", "2s", config.Live},
		{"pools.api.max_conns", "1", "2", config.Live},
		{"pools.api.backends.a.weight", "1", "2", config.Live},
		{"pools.api.backends.a.url", "http://a:1", "http://b:1", config.Drain},
		{"pools.api.backends.a", "", "{}", config.Live},
		{"pools.api.backends.a", "{}", "", config.Drain},
		{"pools.api", "", "{}", config.Live},
		{"pools.api", "{}", "", config.Drain},
		{"listeners.web", "", "{}", config.Live},
		{"listeners.web", "{}", "", config.Drain},
		{"listeners.web.enabled", "false", "true", config.Live},
		{"listeners.web.enabled", "true", "false", config.Drain},
		{"listeners.web.prefork.workers", "2", "4", config.Live},
		{"listeners.web.prefork.workers", "4", "2", config.Drain},
		{"listeners.web.prefork.workers", "0", "2", config.Drain},
		{"listeners.web.prefork.workers", "2", "0", config.Drain},
		{"listeners.web.prefork.workers", "1", "auto", config.Live},
		{"listeners.web.address", ":1", ":2", config.Rebind},
		{"listeners.web.protocol", "http", "http2", config.Drain},
		{"listeners.web.protocol", "http", "quic", config.Rebind},
		{"listeners.web.tls", "", "{cert_file: a, key_file: b}", config.Drain},
		{"listeners.web.tls.cert_file", "a", "b", config.Live},
		{"listeners.web.tls", "", "{}", config.Drain},
		{"listeners.web.timeouts", "", "{}", config.Live},
		{"listeners", "", "{}", config.Drain},
		{"version", "1", "2", config.Restart},
		{"nope", "", "", config.Restart},
	} {
		if got := config.EffectOf(tt.path, tt.from, tt.to); got != tt.want {
			t.Errorf("%s from %q to %q: got %s, want %s", tt.path, tt.from, tt.to, got, tt.want)
		}
	}
}
