//go:build unix

package tui

import (
	"os"
	"syscall"
)

// farewells are the signals upon which the cockpit puts the terminal in order
// and detaches. A hang-up is one: it means that the terminal has gone.
var farewells = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
