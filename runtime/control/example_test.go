package control_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// A plan shows what a change would do. Applying the same change returns what it
// did.
func ExampleController() {
	var ctl control.Controller = controltest.NewFake(controltest.Scene("idle"))
	change := control.Change{
		Patch: config.Patch{{Path: "listeners.web.timeouts.idle", Value: "30s"}},
		Actor: "example",
	}
	plan, err := ctl.Plan(context.Background(), change)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range plan.Changes {
		fmt.Printf("%s: %s -> %s, %s\n", c.Path, c.From, c.To, c.Effect)
	}
	fmt.Println("disruptive:", plan.Disruptive())

	if _, err := ctl.Apply(context.Background(), change); err != nil {
		fmt.Println(err)
		return
	}
	s, _ := ctl.Snapshot(context.Background())
	for _, l := range s.Listeners {
		if l.Name == "web" {
			fmt.Println("running:", l.Timeouts.Idle)
		}
	}
	// Output:
	// listeners.web.timeouts.idle: 2m0s -> 30s, live
	// disruptive: false
	// running: 30s
}

// A change with Confirm is a trial: it is rolled back unless somebody confirms it
// in time.
func ExampleChange_trial() {
	ctl := controltest.NewFake(controltest.Scene("idle"))
	ctx := context.Background()
	_, err := ctl.Apply(ctx, control.Change{
		Patch:   config.Patch{{Path: "listeners.web.timeouts.idle", Value: "2s"}},
		Confirm: config.Duration(time.Minute),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	s, _ := ctl.Snapshot(ctx)
	fmt.Println("on trial:", s.Config.Trial != nil)

	if _, err := ctl.Act(ctx, control.Action{Kind: control.Confirm}); err != nil {
		fmt.Println(err)
		return
	}
	s, _ = ctl.Snapshot(ctx)
	fmt.Println("on trial:", s.Config.Trial != nil)
	// Output:
	// on trial: true
	// on trial: false
}

// Watch calls a function with the present snapshot at once, and then whenever
// something has changed, at most once an interval.
func ExampleWatchOptions() {
	ctl := controltest.NewFake(controltest.Scene("idle"))
	ctx, cancel := context.WithCancel(context.Background())
	ctl.Watch(ctx, control.WatchOptions{Interval: time.Second}, func(s *control.Snapshot) {
		fmt.Println(len(s.Listeners), "listeners")
		cancel()
	})
	// Output: 2 listeners
}

// Errors have a code, which survives the socket.
func ExampleError() {
	ctl := controltest.NewFake(controltest.Scene("idle"))
	_, err := ctl.Act(context.Background(), control.Action{Kind: control.Confirm})
	fmt.Println(errors.Is(err, control.ErrConflict) || errors.Is(err, control.ErrNotFound))
	// Output: true
}
