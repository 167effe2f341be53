//go:build unix

package runtime_test

import (
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestControllerContract(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"in process": inProcess, "preforked": preforked} {
		t.Run(name, func(t *testing.T) {
			controltest.TestController(t, func(t *testing.T) controltest.Harness {
				return controltest.Harness{Controller: open(t, text), Listener: "web"}
			})
		})
	}
}
