package config_test

import (
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// Explain accepts a path as in a config, or only its last words.
func ExampleExplain() {
	keys, err := config.Explain("timeouts.idle")
	if err != nil {
		fmt.Println(err)
		return
	}
	k := keys[0]
	fmt.Printf("%s: %s, default %s\n%s\n", k.Path, k.Type, k.Default, k.Doc)
	// Output:
	// defaults.timeouts.idle: duration, default 2m0s
	// Limits the wait for the next request. 0s means no limit.
}

// EffectOf tells how one change takes effect; the same key may differ by
// direction.
func ExampleEffectOf() {
	const workers = "listeners.web.prefork.workers"
	fmt.Println(config.EffectOf(workers, "4", "6"))
	fmt.Println(config.EffectOf(workers, "6", "4"))
	fmt.Println(config.EffectOf("listeners.web.address", ":80", ":81"))
	// Output:
	// live
	// drain
	// rebind
}

// Rewrite changes values in a file and leaves everything else as it is.
func ExampleRewrite() {
	file := []byte("version: 1\nlisteners:\n  web: {address: \":80\"} # ours\n")
	out, err := config.Rewrite("my.yaml", file, config.Patch{{Path: "listeners.web.address", Value: ":8080"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(out))
	// Output:
	// version: 1
	// listeners:
	//   web: {address: ":8080"} # ours
}

func ExampleDuration() {
	var d config.Duration
	fmt.Println(d.UnmarshalText([]byte("1m30s")), time.Duration(d))
	fmt.Println(d.UnmarshalText([]byte("90")))
	// Output:
	// <nil> 1m30s
	// a duration needs a unit; write "90s"
}

func ExampleSize() {
	var s config.Size
	fmt.Println(s.UnmarshalText([]byte("64KiB")), int64(s), s)
	// Output: <nil> 65536 64KiB
}
