package config_test

import (
	"strings"
	"testing"
)

func TestAFileWithOldTimeoutsGetsOneNotice(t *testing.T) {
	const base = "version: 1\ndefaults: {%d}\nlisteners:\n  a: {address: \":1\", timeouts: {%a}}\n  b: {address: \":2\", timeouts: {%b}}\n"
	for _, row := range []struct{ d, a, b, at string }{
		{"", "", "", ""},
		{"", "idle: 1s", "read_header: 2s", ""},
		{"", "read: 1s", "write: 2s", "f:4:39: listeners.a.timeouts.read"},
		{"timeouts: {write: 1s}", "read: 1s", "", "f:2:30: defaults.timeouts.write"},
		{"timeouts: {write: 1s}", "read: 1s", "response: 0s", ""},
		{"", "read: 1s, request: 20s", "", ""},
	} {
		c := parsed(t, strings.NewReplacer("%d", row.d, "%a", row.a, "%b", row.b).Replace(base))
		got := c.Notices("f")
		if row.at == "" && len(got) > 0 || row.at != "" && (len(got) != 1 || !strings.HasPrefix(got[0].Error(), row.at)) {
			t.Errorf("%+v: notices %v, want %q", row, got, row.at)
		}
	}
}

func TestRouteTimeoutsMayBeNoneOrAbsent(t *testing.T) {
	c := parsed(t, "version: 1\nlisteners: {a: {address: \":1\", routes: [{match: /, timeouts: {write: 0s, request: 90s}, respond: {}}]}}\n")
	got := c.Listeners["a"].Routes[0].Timeouts
	if got == nil || got.Read != nil || got.Response != nil || got.Write == nil || *got.Write != 0 || got.Request == nil || got.Request.String() != "1m30s" {
		t.Errorf("got %+v", got)
	}
	if text, _ := c.Get("listeners.a.routes"); text != "[{match: /, timeouts: {write: 0s, request: 1m30s}, respond: {}}]" {
		t.Errorf("written as %s", text)
	}
}
