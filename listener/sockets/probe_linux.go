package sockets

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// errProbed ends the opening of a socket that was only to be asked about.
var errProbed = errors.New("probed")

// probeAddress binds a socket and never listens on it. The one that net opens
// goes no further than having been configured.
func probeAddress(ctx context.Context, address string, datagrams bool) error {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	lc.Control = func(_, addr string, c syscall.RawConn) error {
		if err := probe(addr, c); err != nil {
			return err
		}
		return errProbed
	}
	var err error
	if datagrams {
		_, err = lc.ListenPacket(ctx, "udp", address)
	} else {
		_, err = lc.Listen(ctx, "tcp", address)
	}
	if errors.Is(err, errProbed) {
		return nil
	}
	return err
}
