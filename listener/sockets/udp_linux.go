package sockets

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// listenPackets opens one UDP socket, which with share may be one of several on
// its port. The first of them makes sure that no stranger is among them.
func listenPackets(ctx context.Context, address string, share, alone bool) (packetSocket, net.Addr, error) {
	var lc net.ListenConfig
	if share {
		lc.Control = func(_, addr string, c syscall.RawConn) error {
			if alone {
				if err := probe(addr, c); err != nil {
					return err
				}
			}
			return shareable(c)
		}
	}
	pc, err := lc.ListenPacket(ctx, "udp", address)
	if err != nil {
		return packetSocket{}, nil, err
	}
	s, err := keepPackets(pc)
	return s, pc.LocalAddr(), err
}

// forceBuffers passes the limits meant for unprivileged processes.
func forceBuffers(fd int) error {
	return errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, packetBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, packetBuffer))
}

// steerPackets replaces the program of the reuseport group that s belongs to,
// which has this many slots.
func steerPackets(s packetSocket, active []int, slots int) error {
	program := packetSteering(active, slots)
	return attach(s.fd, unix.SO_ATTACH_REUSEPORT_CBPF, program)
}

// quiescePackets has the kernel drop what opens connections.
func quiescePackets(s packetSocket) error {
	return attach(s.fd, unix.SO_ATTACH_FILTER, packetQuiescing())
}

func attach(fd, option int, program []unix.SockFilter) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, option, &unix.SockFprog{
		Len:    uint16(len(program)),
		Filter: &program[0],
	}))
}

// Places in a QUIC packet: RFC 9000, section 17. A long header has the length of
// the destination connection ID before the ID itself, a short one just the ID.
const (
	quicFirst   = 0
	quicLong    = 0x80 // in the first byte
	quicShortID = 1
	quicIDLen   = 5
	quicLongID  = 6
	// quicClientID is the least length of an ID that a client makes up, in
	// bytes. Ours are shorter, which tells them apart.
	quicClientID = 8
)

// packetSteering is a classic BPF program that gives a packet with one of our
// connection IDs to the slot in the ID's first byte, and the first packets of a
// new connection, by the ID that the client has made up for all of them, to one
// of the active slots. It never answers with a slot that does not exist; a
// packet too short to be loaded from goes to slot 0, by the kernel's rules.
func packetSteering(active []int, slots int) []unix.SockFilter {
	bySlot := func(offset uint32) []unix.SockFilter {
		return []unix.SockFilter{
			{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: offset},
			{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: uint32(slots), Jt: 1},
			{Code: unix.BPF_RET | unix.BPF_A},
			ret(active[0]),
		}
	}
	short, long := bySlot(quicShortID), bySlot(quicLongID)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: quicFirst},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: quicLong, Jt: uint8(len(short))},
	}
	program = append(program, short...)
	program = append(program,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: quicIDLen},
		unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: quicClientID, Jt: uint8(len(long))})
	program = append(program, long...)
	program = append(program,
		unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: quicLongID},
		unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(len(active))})
	return append(program, choose(active, evenly(len(active)))...)
}

// udpHeader precedes the packet where a socket filter looks, in bytes.
const udpHeader = 8

// packetQuiescing is a socket filter that drops packets with a connection ID
// made up by a client and keeps all others.
func packetQuiescing() []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: udpHeader + quicFirst},
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: quicLong, Jf: 2},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: udpHeader + quicIDLen},
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: quicClientID, Jt: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	}
}
