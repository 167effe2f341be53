//go:build !unix

package prefork_test

import (
	"context"
	"errors"
	"testing"

	"github.com/echterhof/rockstar-tui/prefork"
)

func TestWorkersAreRefusedInOneLine(t *testing.T) {
	g := prefork.NewGroup(prefork.Config{Name: "web"})
	if err := g.Resize(context.Background(), 2); !errors.Is(err, prefork.ErrUnsupported) {
		t.Errorf("Resize = %v, want ErrUnsupported", err)
	}
	if err := g.Resize(context.Background(), 0); err != nil {
		t.Errorf("Resize(0) = %v", err)
	}
}
