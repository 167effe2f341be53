//go:build unix

package runtime_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// BenchmarkThousandListeners measures what a config of that size costs: to load
// and start, to plan a change of one value, to make it, and to make one that
// reaches all of them.
func BenchmarkThousandListeners(b *testing.B) {
	text := manyListeners(1000)
	app := largeApp(b, text)
	b.Run("start", func(b *testing.B) {
		for b.Loop() {
			largeApp(b, text).Shutdown(context.Background())
		}
	})
	n := 0
	change := func(path string) control.Change {
		n++
		return control.Change{Patch: patch(fmt.Sprintf("%s=%ds", path, 100+n%1000))}
	}
	b.Run("plan one value", func(b *testing.B) {
		for b.Loop() {
			if _, err := app.Plan(b.Context(), change("listeners.web5.timeouts.idle")); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, path := range map[string]string{"apply one value": "listeners.web5.timeouts.idle", "apply to all": "defaults.timeouts.read"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := app.Apply(b.Context(), change(path)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func manyListeners(n int) string {
	var b strings.Builder
	b.WriteString("version: 1\nlisteners:\n")
	for i := range n {
		fmt.Fprintf(&b, "  web%d:\n    address: 127.0.0.1:0\n    timeouts: {idle: 90s}\n    routes: [{match: \"GET /hello\", respond: {body: hello}}]\n", i)
	}
	return b.String()
}

func largeApp(b *testing.B, text string) *runtime.App {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	app, err := runtime.Open(ctx, runtime.Options{Config: parsedConfig(b, text)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { app.Shutdown(context.Background()) })
	return app
}
