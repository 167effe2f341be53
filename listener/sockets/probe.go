package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Probe finds out whether an address could be listened on now: a TCP address, or
// with datagrams one of UDP. It takes the port for a moment where the system
// cannot tell otherwise; on Linux nobody can connect to it meanwhile. The errors
// are those of [Open] and [OpenPackets].
func Probe(ctx context.Context, address string, datagrams bool) error {
	if err := probeAddress(ctx, address, datagrams); err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the rest of it says again where
		}
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	return nil
}
