package listener

import (
	"os"

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
