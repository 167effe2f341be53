//go:build unix

package runtime

import (
	"fmt"

	"golang.org/x/sys/unix"
)

const supportsReusePort = true

// setOptions prepares a socket that is not bound yet. Accepted ones inherit the
// sizes of buffers. Go itself sets SO_REUSEADDR.
func (c ListenerConfig) setOptions(fd uintptr) error {
	for _, o := range []struct {
		what         string
		option, size int
	}{
		{"SO_RCVBUF", unix.SO_RCVBUF, c.ReadBuffer},
		{"SO_SNDBUF", unix.SO_SNDBUF, c.WriteBuffer},
	} {
		if o.size == 0 {
			continue
		}
		if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, o.option, o.size); err != nil {
			return fmt.Errorf("%s: %w", o.what, err)
		}
	}
	if !c.ReusePort {
		return nil
	}
	if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return fmt.Errorf("SO_REUSEPORT: %w", err)
	}
	return nil
}
