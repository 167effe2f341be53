package runtime

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
)

// ListenerConfig says what [CreateListener] listens on. Sizes are in bytes.
type ListenerConfig struct {
	// Network is "tcp" (the default), "tcp4", "tcp6" or "unix".
	Network string
	// Address is host:port, the host may be empty and port 0 is a free one; for
	// "unix" it is the path of the socket. Required.
	Address string
	// ReusePort lets several sockets, of this process or of others that have it set
	// too, listen on one address; the kernel spreads connections over them. Where
	// PlatformInfo.SupportsReusePort is false, and for "unix", it is an error.
	// Default false.
	ReusePort bool
	// ReuseAddr lets an address be listened on again at once after its last
	// listener has ended. Unix systems always do. On Windows it sets SO_REUSEADDR,
	// which lets another process take an address over that is still listened on:
	// use it where you trust all processes. Default false.
	ReuseAddr bool
	// ReadBuffer and WriteBuffer are the sizes of the buffers that the kernel keeps
	// for each accepted connection, up to the bound of the system. Default 0: the
	// system chooses, and adapts them.
	ReadBuffer, WriteBuffer int
}

var listenerNetworks = []string{"tcp", "tcp4", "tcp6", "unix"}

// CreateListener listens as c says, for a program that accepts by itself or has
// [Server.Serve] do it. An error names what of c is wrong, or what the system
// lacks; then nothing is open. One that the system lacks is
// [errors.ErrUnsupported].
func CreateListener(c ListenerConfig) (net.Listener, error) {
	if c.Network == "" {
		c.Network = "tcp"
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("create listener: %w", err)
	}
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		if failed := raw.Control(func(fd uintptr) { err = c.setOptions(fd) }); failed != nil {
			return failed
		}
		return err
	}}
	ln, err := lc.Listen(context.Background(), c.Network, c.Address)
	if err != nil {
		return nil, fmt.Errorf("create listener: %w", err)
	}
	return ln, nil
}

func (c ListenerConfig) check() error {
	switch {
	case !slices.Contains(listenerNetworks, c.Network):
		return fmt.Errorf("network %q is unknown: use one of %s", c.Network, strings.Join(listenerNetworks, ", "))
	case c.Address == "" && c.Network == "unix":
		return errors.New("the address is empty: name the path of the socket")
	case c.Address == "":
		return errors.New(`the address is empty: name host:port, such as ":8080"`)
	case c.ReadBuffer < 0 || c.WriteBuffer < 0:
		return fmt.Errorf("buffers of %d and %d bytes: 0 leaves the size to the system", c.ReadBuffer, c.WriteBuffer)
	case c.ReusePort && c.Network == "unix":
		return fmt.Errorf("ReusePort is for TCP, not for unix sockets: %w", errors.ErrUnsupported)
	case c.ReusePort && !supportsReusePort:
		return fmt.Errorf("this system has no SO_REUSEPORT: %w", errors.ErrUnsupported)
	}
	return nil
}
