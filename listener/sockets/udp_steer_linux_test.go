package sockets

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// runPacket interprets a program as the kernel does for a packet: a load from
// beyond its end answers 0.
func runPacket(t *testing.T, program []unix.SockFilter, packet []byte) uint32 {
	t.Helper()
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		in := program[pc]
		jump := func(yes bool) {
			if yes {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if int(in.K)+4 > len(packet) {
				return 0
			}
			a = binary.BigEndian.Uint32(packet[in.K:])
		case unix.BPF_LD | unix.BPF_B | unix.BPF_ABS:
			if int(in.K) >= len(packet) {
				return 0
			}
			a = uint32(packet[in.K])
		case unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K:
			a %= in.K
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(a&in.K != 0)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= in.K)
		case unix.BPF_RET | unix.BPF_A:
			return a
		case unix.BPF_RET | unix.BPF_K:
			return in.K
		default:
			t.Fatalf("instruction %+v", in)
		}
	}
	t.Fatal("the program ran off its end")
	return 0
}

func shortPacket(slot byte) []byte {
	return append([]byte{0x40, slot}, make([]byte, 30)...)
}

func longPacket(id []byte) []byte {
	p := []byte{0xc0, 0, 0, 0, 1, byte(len(id))}
	return append(append(p, id...), make([]byte, 30)...)
}

func TestPacketsOfAConnectionReachItsSlotWhateverIsActive(t *testing.T) {
	for _, slots := range []int{1, 2, 5, MaxPacketSlots} {
		for range 20 {
			active := rand.Perm(slots)[:1+rand.IntN(slots)]
			program := packetSteering(active, slots)
			for slot := range MaxPacketSlots {
				want := uint32(slot)
				if slot >= slots {
					want = uint32(active[0]) // an ID that nobody here has given out
				}
				if got := runPacket(t, program, shortPacket(byte(slot))); got != want {
					t.Fatalf("%d slots, %v active: a short header with slot %d went to %d, want %d", slots, active, slot, got, want)
				}
				id := []byte{byte(slot), 2, 3, 4, 5, 6, 7}
				if got := runPacket(t, program, longPacket(id)); got != want {
					t.Fatalf("%d slots, %v active: a long header with slot %d went to %d, want %d", slots, active, slot, got, want)
				}
			}
		}
	}
}

func TestNewConnectionsReachEachActiveSlotEquallyOften(t *testing.T) {
	for n := 1; n <= MaxActive; n++ {
		active := rand.Perm(MaxPacketSlots)[:n]
		program := packetSteering(active, MaxPacketSlots)
		for choice := range uint32(n) {
			id := binary.BigEndian.AppendUint32(nil, choice+uint32(n))
			id = append(id, 9, 9, 9, 9)
			if got := runPacket(t, program, longPacket(id)); got != uint32(active[choice]) {
				t.Fatalf("%d slots: choice %d is slot %d, want %d", n, choice, got, active[choice])
			}
		}
	}
}

func TestQuiescingDropsOnlyWhatBeginsAConnection(t *testing.T) {
	cases := []struct {
		name   string
		packet []byte
		kept   bool
	}{
		{"short header", shortPacket(3), true},
		{"long header with an ID of ours", longPacket(make([]byte, ConnectionIDLen)), true},
		{"long header with an ID of a client", longPacket(make([]byte, 8)), false},
		{"long header with the longest ID", longPacket(make([]byte, 20)), false},
	}
	for _, c := range cases {
		got := runPacket(t, packetQuiescing(), append(make([]byte, udpHeader), c.packet...))
		if (got != 0) != c.kept {
			t.Errorf("%s: kept %v, want %v", c.name, got != 0, c.kept)
		}
	}
}

// FuzzPacketSteering looks whether any packet gets out of the group, or to a
// slot that is neither active nor named by the packet.
func FuzzPacketSteering(f *testing.F) {
	f.Add(shortPacket(7), uint8(3), uint8(1))
	f.Add(longPacket([]byte{1, 2, 3, 4, 5, 6, 7}), uint8(1), uint8(0))
	f.Add(longPacket(make([]byte, 20)), uint8(200), uint8(9))
	f.Add([]byte{}, uint8(0), uint8(0))
	f.Add([]byte{0xff, 0, 0, 0, 0, 255}, uint8(9), uint8(4))
	f.Fuzz(func(t *testing.T, packet []byte, more, few uint8) {
		slots := int(more) + 1
		var active []int
		for slot := slots - 1; slot >= 0 && len(active) <= int(few); slot -= 1 + int(few)%3 {
			active = append(active, slot)
		}
		got := runPacket(t, packetSteering(active, slots), packet)
		if got >= uint32(slots) {
			t.Fatalf("packet %x went to %d of %d slots", packet, got, slots)
		}
		named := len(packet) > quicShortID && packet[quicShortID] == byte(got) ||
			len(packet) > quicLongID && packet[quicLongID] == byte(got)
		if got != 0 && !named && !slices.Contains(active, int(got)) {
			t.Fatalf("packet %x went to slot %d, active are %v", packet, got, active)
		}
	})
}
