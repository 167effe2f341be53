package controltest_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestFakeKeepsTheContract(t *testing.T) {
	controltest.TestController(t, func(*testing.T) controltest.Harness {
		return controltest.Harness{Controller: controltest.NewFake(controltest.Scene("busy")), Listener: "web"}
	})
}

func TestClientKeepsTheContract(t *testing.T) {
	controltest.TestController(t, func(t *testing.T) controltest.Harness {
		path := filepath.Join(t.TempDir(), "c.sock")
		ln, err := control.Listen(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		h := control.Handler(controltest.NewFake(controltest.Scene("busy")), control.HandlerOptions{})
		go func() { ended <- control.Serve(ctx, ln, h) }()
		client := control.Dial(path)
		t.Cleanup(func() {
			client.Close()
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
		return controltest.Harness{Controller: client, Listener: "web"}
	})
}
