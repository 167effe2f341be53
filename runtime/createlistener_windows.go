package runtime

import (
	"fmt"
	"syscall"
)

const supportsReusePort = false

// setOptions prepares a socket that is not bound yet. Accepted ones inherit the
// sizes of buffers.
func (c ListenerConfig) setOptions(fd uintptr) error {
	set := func(what string, option, value int) error {
		if value == 0 {
			return nil
		}
		if err := syscall.SetsockoptInt(syscall.Handle(fd), syscall.SOL_SOCKET, option, value); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	if err := set("SO_RCVBUF", syscall.SO_RCVBUF, c.ReadBuffer); err != nil {
		return err
	}
	if err := set("SO_SNDBUF", syscall.SO_SNDBUF, c.WriteBuffer); err != nil {
		return err
	}
	if c.ReuseAddr && c.Network != "unix" {
		return set("SO_REUSEADDR", syscall.SO_REUSEADDR, 1)
	}
	return nil
}
