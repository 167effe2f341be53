//go:build !linux

package listener

import (
	"net"
	"time"
)

// bequest is nothing where connections inherit nothing.
type bequest struct{}

func (*bequest) begin(net.Listener, time.Duration) {}
func (*bequest) set(time.Duration)                 {}
func (*bequest) begun() bool                       { return false }
func (*bequest) holds(*Limits, int64) bool         { return false }
