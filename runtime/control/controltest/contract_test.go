package controltest_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

func TestFakeKeepsTheContract(t *testing.T) {
	controltest.TestController(t, func(*testing.T) controltest.Harness {
		fake := controltest.NewFake(controltest.Scene("busy"))
		return controltest.Harness{Controller: fake, Listener: "web", Pass: pass(fake)}
	})
}

// pass steps the clock of a fake.
func pass(fake *controltest.Fake) func(time.Duration) {
	return func(d time.Duration) {
		for ; d > 0; d -= time.Second {
			fake.Step()
		}
	}
}

func TestClientKeepsTheContract(t *testing.T) {
	controltest.TestController(t, func(t *testing.T) controltest.Harness {
		path := filepath.Join(t.TempDir(), "c.sock")
		ln, err := socket.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		fake := controltest.NewFake(controltest.Scene("busy"))
		h := control.Handler(fake, control.HandlerOptions{})
		go func() { ended <- control.Serve(ctx, ln, h) }()
		client := control.Dial(path)
		t.Cleanup(func() {
			client.Close()
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
		return controltest.Harness{Controller: client, Listener: "web", Pass: pass(fake)}
	})
}
