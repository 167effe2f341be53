//go:build !linux

package listener

import (
	"net"
	"time"
)

// inheritedKeepAlive is nothing where connections inherit nothing.
type inheritedKeepAlive struct{}

func (*inheritedKeepAlive) begin(net.Listener, time.Duration) {}
func (*inheritedKeepAlive) set(time.Duration)                 {}
func (*inheritedKeepAlive) active() bool                      { return false }
func (*inheritedKeepAlive) holds(*Limits, int64) bool         { return false }
