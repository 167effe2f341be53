package sockets_test

import (
	"context"
	"testing"
	"time"

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

// eventually waits until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 10s: %s", what)
		}
	}
}
