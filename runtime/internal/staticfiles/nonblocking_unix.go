//go:build unix

package staticfiles

import "syscall"

// nonBlocking lets a pipe be opened that nobody writes into.
const nonBlocking = syscall.O_NONBLOCK
