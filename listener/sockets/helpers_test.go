package sockets_test

import (
	"context"
	"testing"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

func open(t testing.TB, opt sockets.Options) *sockets.Sockets {
	t.Helper()
	s, err := sockets.Open(context.Background(), "127.0.0.1:0", opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
