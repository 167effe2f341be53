//go:build !unix

package tui

import "os"

// farewells are the signals upon which the cockpit puts the terminal in order
// and detaches.
var farewells = []os.Signal{os.Interrupt}
