package listener

import (
	_ "unsafe" // for go:linkname

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// newRawServerConn is what http3.Server.NewRawServerConn does, which keeps the
// control stream to itself. Without that stream a client can only be told to
// leave in the way of http3.Server.Shutdown, which refuses the requests that
// cross the message. A version of http3 without this method does not link.
//
//go:linkname newRawServerConn github.com/quic-go/quic-go/http3.(*Server).newRawServerConn
func newRawServerConn(s *http3.Server, conn *quic.Conn) (*http3.RawServerConn, *quic.SendStream, error)
