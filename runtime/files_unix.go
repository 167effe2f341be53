//go:build unix

package runtime

import "syscall"

// nonBlocking lets a pipe be opened that nobody writes into.
const nonBlocking = syscall.O_NONBLOCK
