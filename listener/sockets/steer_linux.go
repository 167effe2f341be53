package sockets

import "golang.org/x/sys/unix"

// skfRandom is the offset at which a socket filter loads a random number.
const skfRandom = 0xfffff000 + 56

// steer has the kernel choose one of these slots at random. The kernel swaps
// the program of the group that s belongs to atomically, and asks it for each
// new connection.
func steer(s socket, active []int) error {
	return attach(s.fd, unix.SO_ATTACH_REUSEPORT_CBPF, steering(active))
}

// steerWeighted is steer with a probability for each slot.
func steerWeighted(s socket, active []int, weights []float64) error {
	return attach(s.fd, unix.SO_ATTACH_REUSEPORT_CBPF, weighted(active, weights))
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
	}, choose(active, evenly(len(active)))...)
}

// evenly are the first numbers of n parts of one number each.
func evenly(n int) []uint32 {
	from := make([]uint32, n)
	for i := range from {
		from[i] = uint32(i)
	}
	return from
}

// weighted is such a program in which a slot has the part of all 32-bit numbers
// that is its weight; the weights sum up to 1.
func weighted(active []int, weights []float64) []unix.SockFilter {
	var slots []int
	var from []uint32
	sum := 0.0
	for i, slot := range active {
		if weights[i] > 0 && sum < 1 {
			slots, from = append(slots, slot), append(from, uint32(sum*(1<<32)))
		}
		sum += weights[i]
	}
	if len(slots) < 2 {
		return steering(append(slots, active...)[:1])
	}
	return append([]unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: skfRandom},
	}, choose(slots, from)...)
}

// choose is a binary search for the accumulator among parts of all numbers, one
// for each slot, which begin where from says; the first begins at 0. A jump
// reaches 255 instructions, which is just what half of [MaxActive] slots need.
func choose(active []int, from []uint32) []unix.SockFilter {
	if len(active) == 1 {
		return []unix.SockFilter{ret(active[0])}
	}
	half := len(active) / 2
	low, high := choose(active[:half], from[:half]), choose(active[half:], from[half:])
	jump := unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, K: from[half], Jt: uint8(len(low))}
	return append(append([]unix.SockFilter{jump}, low...), high...)
}

func ret(slot int) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: uint32(slot)}
}
