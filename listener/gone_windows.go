package listener

import "net"

const canTellGone = false

func ended(*net.TCPConn) bool { return false }
