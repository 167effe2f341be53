package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// large is a config of n listeners, each with what a listener usually says.
func large(n int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\ndefaults:\n  timeouts: {idle: 30s}\nlisteners:\n")
	for i := range n {
		fmt.Fprintf(&b, `  web%d:
    address: "127.0.0.1:%d"
    prefork: {workers: 2}
    timeouts:
      read: 7s
      write: 1m30s
      idle: 2s
    limits: {max_connections: 500}
    routes:
      - {match: "GET /hello", respond: {status: 200, body: "Hello, World!"}}
      - {match: "GET /stats/connections", stats: {}}
`, i, 10000+i)
	}
	return []byte(b.String())
}

func parsed(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("my.yaml", []byte(text))
	if err != nil {
		t.Fatalf("parse:\n%v\n%s", err, text)
	}
	return c
}

func BenchmarkParse1000Listeners(b *testing.B) {
	data := large(1000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Parse("my.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWith1000Listeners(b *testing.B) {
	c := parsed(b, string(large(1000)))
	patch := config.Patch{{Path: "listeners.web500.timeouts.idle", Value: "4s"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.With(patch); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDiff1000Listeners(b *testing.B) {
	from := parsed(b, string(large(1000)))
	to, err := from.With(config.Patch{{Path: "defaults.timeouts.idle", Value: "4s"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		config.Diff(from, to)
	}
}

func BenchmarkRewrite1000Listeners(b *testing.B) {
	data := large(1000)
	patch := config.Patch{{Path: "listeners.web500.timeouts.idle", Value: "4s"}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := config.Rewrite("my.yaml", data, patch); err != nil {
			b.Fatal(err)
		}
	}
}
