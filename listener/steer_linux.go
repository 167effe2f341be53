package listener

import (
	"os"

	"golang.org/x/sys/unix"
)

// skfRandom is the offset at which a socket filter loads a random number.
const skfRandom = 0xfffff000 + 56

// steer replaces the program of the reuseport group that s belongs to. The
// kernel swaps it atomically and asks it for each new connection.
func steer(s socket, active []int) error {
	program := steering(active)
	err := unix.SetsockoptSockFprog(s.fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &unix.SockFprog{
		Len:    uint16(len(program)),
		Filter: &program[0],
	})
	return os.NewSyscallError("setsockopt", err)
}

// steering is a classic BPF program that returns one of the slots at random.
// An index outside of the group would make the kernel choose among all its
// members, so every path ends in a slot that was asked for.
func steering(active []int) []unix.SockFilter {
	if len(active) == 1 {
		return []unix.SockFilter{ret(active[0])}
	}
	return append([]unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: skfRandom},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(len(active))},
	}, choose(active, 0)...)
}

// choose is a binary search for the accumulator among the numbers from first
// on. A jump reaches 255 instructions, which is just what half of [MaxActive]
// slots need.
func choose(active []int, first int) []unix.SockFilter {
	if len(active) == 1 {
		return []unix.SockFilter{ret(active[0])}
	}
	half := len(active) / 2
	low, high := choose(active[:half], first), choose(active[half:], first+half)
	jump := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: uint32(first + half), Jt: uint8(len(low))}
	return append(append([]unix.SockFilter{jump}, low...), high...)
}

func ret(slot int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(slot)}
}
