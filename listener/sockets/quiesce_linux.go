package sockets

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	tcpFlags  = 13 // offset of the flags in a TCP header
	flagSYN   = 0x02
	flagACK   = 0x10
	wholeData = 1 << 18 // more than any packet: keeps it as it is
)

// noNewHandshakes is a classic BPF program that drops the SYN of a new
// connection and lets everything else pass. A listening socket gives the program
// on to the connections it accepts; those never see a SYN.
var noNewHandshakes = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: tcpFlags},
	{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: flagSYN | flagACK},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: flagSYN, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: wholeData},
}

func quiesce(s socket) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
		Len:    uint16(len(noNewHandshakes)),
		Filter: &noNewHandshakes[0],
	}))
}

// halfOpen tells whether the last packet of a handshake with that port is
// awaited, on any address. Where the kernel does not say, none is.
func halfOpen(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	const synReceived = "03"
	local := fmt.Sprintf(":%04X", tcp.Port)
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		if tableHas(table, local, synReceived) {
			return true
		}
	}
	return false
}

// tableHas reports whether the kernel's table has a connection in that state
// whose local address ends so.
func tableHas(table, local, state string) bool {
	f, err := os.Open(table)
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text()) // number, local address, remote address, state
		if len(fields) > 3 && fields[3] == state && strings.HasSuffix(fields[1], local) {
			return true
		}
	}
	return false
}
