package listener

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
