package sockets

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/unix"
)

// run interprets a steering program for a random number.
func run(t *testing.T, program []unix.SockFilter, random uint32) int {
	t.Helper()
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		switch in := program[pc]; in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			a = random
		case unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K:
			a %= in.K
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			if a >= in.K {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		case unix.BPF_RET | unix.BPF_K:
			return int(in.K)
		default:
			t.Fatalf("instruction %+v", in)
		}
	}
	t.Fatal("the program ran off its end")
	return 0
}

func TestSteeringReachesEachSlotEquallyOften(t *testing.T) {
	for n := 1; n <= MaxActive; n++ {
		active := rand.Perm(MaxActive)[:n]
		program := steering(active)
		for random := range uint32(n) {
			if got := run(t, program, random+uint32(n)); got != active[random] {
				t.Fatalf("%d slots: choice %d is slot %d, want %d", n, random, got, active[random])
			}
		}
	}
}

func TestWeightedSteeringGivesEachSlotItsPart(t *testing.T) {
	for _, weights := range [][]float64{{1, 0}, {0, 1}, {0.5, 0.5}, {0.1, 0, 0.6, 0.3}, {0, 0, 0.25, 0.75}, {1e-12, 1 - 1e-12}, even(MaxActive)} {
		active := rand.Perm(MaxActive)[:len(weights)]
		program := weighted(active, weights)
		got := map[int]float64{}
		const draws = 1 << 14
		for i := range uint32(draws) {
			got[run(t, program, i<<18)] += 1.0 / draws
		}
		for i, slot := range active {
			if d := got[slot] - weights[i]; d > 0.001 || d < -0.001 {
				t.Errorf("weights %v: slot %d gets %.4f", weights, i, got[slot])
			}
			delete(got, slot)
		}
		if len(got) > 0 {
			t.Errorf("weights %v: slots %v that nobody asked for", weights, got)
		}
	}
}
