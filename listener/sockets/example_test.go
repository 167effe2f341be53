package sockets_test

import (
	"context"
	"fmt"

	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// Slots of one address share its port. Each has its own accept queue, and
// connections go to the slots that Steer names.
func ExampleOpen() {
	s, err := sockets.Open(context.Background(), "127.0.0.1:0", sockets.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	first, err := s.Listener(0)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := s.Steer([]int{0}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(first.Addr().String() == s.Addr().String())
	// Output: true
}
