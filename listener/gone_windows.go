package listener

import "net"

const canPeek = false

func ended(*net.TCPConn) bool { return false }
