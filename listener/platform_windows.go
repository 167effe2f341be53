package listener

import "net"

// systemTicks is that of this process: nothing is shared with others.
func systemTicks() int64 { return ticks() }

const canTellGone = false

func ended(*net.TCPConn) bool { return false }

// Nothing can look into a receive buffer without reading it here. A request
// that arrives just as its idle connection is closed is then lost, as it is
// with any server.
func waiting(*net.TCPConn) bool { return false }

// Connections are never parked here.
const canPark = false

func waitReadable(*net.TCPConn) error { return net.ErrClosed }

func readable(*net.TCPConn) readiness { return isClosed }
