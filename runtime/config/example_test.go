package config_test

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

func ExampleParse() {
	_, err := config.Parse("my.yaml", []byte(`version: 1
listeners:
  web:
    address: "80"
    timeouts: {raed: 5s, idle: 10}
`))
	fmt.Println(err)
	// Output:
	// my.yaml:4:14: listeners.web.address: "80" has no port; write ":80"
	// my.yaml:5:16: listeners.web.timeouts.raed: unknown key, did you mean "read"?
	// my.yaml:5:32: listeners.web.timeouts.idle: a duration needs a unit; write "10s"
}

func ExampleDiff() {
	from, err := config.Parse("my.yaml", config.Sample())
	if err != nil {
		fmt.Println(err)
		return
	}
	to, err := from.With(config.Patch{
		{Path: "listeners.web.prefork.workers", Value: "6"},
		{Path: "defaults.timeouts.idle", Value: "30s"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range config.Diff(from, to) {
		fmt.Printf("%s: %s -> %s (%s)\n", c.Path, c.From, c.To, c.Effect)
	}
	// Output:
	// defaults.timeouts.idle: 2m0s -> 30s (live)
	// listeners.web.prefork.workers: 2 -> 6 (live)
	// listeners.web.timeouts.idle: 2m0s -> 30s (live)
}

func ExampleConfig_With() {
	c, err := config.New().With(config.Patch{
		{Path: "listeners.web", Value: `{address: ":8080", routes: [{match: /, respond: {body: hi}}]}`},
		{Path: "listeners.web.timeouts.idle", Value: "10s"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(c.YAML()))
	// Output:
	// version: 1
	// listeners:
	//   web:
	//     address: ":8080"
	//     routes:
	//       - {match: /, respond: {body: hi}}
	//     timeouts: {idle: 10s}
}
