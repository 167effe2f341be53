package sockets

import (
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// countedSlots is how many slots the kernel can count for.
const countedSlots = 1024

// countsSize is the size of the counters in bytes, one for each slot.
const countsSize = countedSlots * 8

// counts choose the slot with the fewest connections in the kernel. They consist
// of a counter for each slot, in memory that processes share with the kernel,
// and of the kernel's own table of the slots' sockets.
type counts struct {
	array, table *ebpf.Map
	memory       *liveMemory
	program      *ebpf.Program // attached; nil before
	known        int           // slots in the table
}

// newCounts fails without the capability CAP_BPF.
func newCounts() (*counts, error) {
	array, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "slot_counts", Type: ebpf.Array, KeySize: 4, ValueSize: 8,
		MaxEntries: countedSlots, Flags: unix.BPF_F_MMAPABLE,
	})
	if err != nil {
		return nil, refusal(err)
	}
	table, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "slot_sockets", Type: ebpf.ReusePortSockArray, KeySize: 4, ValueSize: 8,
		MaxEntries: countedSlots,
	})
	if err != nil {
		array.Close()
		return nil, refusal(err)
	}
	memory, err := mapLive(array.FD())
	if err != nil {
		array.Close()
		table.Close()
		return nil, err
	}
	return &counts{array: array, table: table, memory: memory}, nil
}

// refusal is one line that says what to do.
func refusal(err error) error {
	if errors.Is(err, unix.EPERM) {
		return errors.New("the kernel refuses BPF programs to this process; it needs the capability CAP_BPF")
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(line)
}

// liveMemory is unmapped when nobody refers to it any more: connections may
// outlive the sockets.
type liveMemory struct {
	lives []Counter
}

func mapLive(fd int) (*liveMemory, error) {
	b, err := unix.Mmap(fd, 0, countsSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map the counters of connections: %w", err)
	}
	m := &liveMemory{lives: make([]Counter, countedSlots)}
	for slot := range m.lives {
		m.lives[slot] = Counter{word: (*atomic.Int64)(unsafe.Pointer(&b[slot*8])), of: m}
	}
	goruntime.AddCleanup(m, func(b []byte) { unix.Munmap(b) }, b)
	return m, nil
}

// OpenCounter is the counter of a slot, in the file that its process was given; see
// [Sockets.Share]. The file may be closed afterwards.
func OpenCounter(f *os.File, slot int) (*Counter, error) {
	if slot < 0 || slot >= countedSlots {
		return nil, nil
	}
	m, err := mapLive(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	return m.live(slot), nil
}

func (m *liveMemory) live(slot int) *Counter { return &m.lives[slot] }

// live is nil where there are no counts.
func (c *counts) live(slot int) *Counter {
	if c == nil || slot >= countedSlots {
		return nil
	}
	return c.memory.live(slot)
}

func (c *counts) set(slot int, n int64) { c.live(slot).word.Store(n) }

// file is a duplicate of the counters' descriptor.
func (c *counts) file() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(c.array.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "counts"), nil
}

// freeze duplicates the descriptors of the maps, for another program.
func (c *counts) freeze() (f *FrozenCounts, err error) {
	f = &FrozenCounts{Known: c.known}
	if f.Array, err = unix.FcntlInt(uintptr(c.array.FD()), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	if f.Table, err = unix.FcntlInt(uintptr(c.table.FD()), unix.F_DUPFD_CLOEXEC, 3); err != nil {
		unix.Close(f.Array)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return f, nil
}

// adoptCounts takes the maps of another program. A socket can be in one table
// only, so a new one would not do; the program that is attached stays until the
// next is.
func adoptCounts(f *FrozenCounts) (*counts, error) {
	unix.CloseOnExec(f.Array)
	unix.CloseOnExec(f.Table)
	array, err := ebpf.NewMapFromFD(f.Array)
	if err != nil {
		unix.Close(f.Table)
		return nil, refusal(err)
	}
	table, err := ebpf.NewMapFromFD(f.Table)
	if err != nil {
		array.Close()
		return nil, refusal(err)
	}
	memory, err := mapLive(array.FD())
	if err != nil {
		array.Close()
		table.Close()
		return nil, err
	}
	return &counts{array: array, table: table, memory: memory, known: f.Known}, nil
}

// close lets go of what is in the kernel. A program that is attached stays until
// its sockets are closed.
func (c *counts) close() {
	c.array.Close()
	c.table.Close()
	if c.program != nil {
		c.program.Close()
	}
}

// steer has the kernel choose the one of active that has the fewest connections.
func (c *counts) steer(slots []socket, active []int) error {
	if len(slots) > countedSlots {
		return fmt.Errorf("%d slots are too many: at most %d can be counted", len(slots), countedSlots)
	}
	for ; c.known < len(slots); c.known++ {
		if err := c.table.Put(uint32(c.known), uint64(slots[c.known].fd)); err != nil {
			return fmt.Errorf("register slot %d in the kernel: %w", c.known, refusal(err))
		}
	}
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "least_conn", Type: ebpf.SkReuseport, AttachType: ebpf.AttachSkReuseportSelect,
		License: "MIT", Instructions: leastConnections(active, c.array.FD(), c.table.FD()),
	})
	if err != nil {
		return refusal(err)
	}
	if err := unix.SetsockoptInt(slots[0].fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, program.FD()); err != nil {
		program.Close()
		return os.NewSyscallError("setsockopt", err)
	}
	if c.program != nil {
		c.program.Close()
	}
	c.program = program
	return nil
}

// Fields of the context of a BPF_PROG_TYPE_SK_REUSEPORT program, whose data is the
// TCP header.
const (
	ctxData     = 0
	ctxDataEnd  = 8
	skPass      = 1
	anyUpdate   = 0 // BPF_ANY
	tieBits     = 16
	tieMultiply = 0x9e3779b1 // odd, so that it spreads over all bits
)

// leastConnections is the program: it looks up the count of each slot, takes the
// least, and adds one if the packet begins a connection. It also runs for others
// that belong to no connection, which must not be counted.
//
// Equal counts are told apart by a random number below them. Counts below zero,
// after a mistake in counting, just are the least.
//
// One look-up for each slot, which the verifier makes an inlined load, is what
// makes CAP_BPF suffice: reaching into memory at a computed offset would need
// more privilege.
//
//	r6 context    r7 flags    r8 least yet    r9 its slot
//	stack: -4 key of a look-up, -8 random number
func leastConnections(active []int, array, table int) asm.Instructions {
	const key, random = -4, -8
	program := asm.Instructions{
		asm.Mov.Reg(asm.R6, asm.R1),
		asm.Mov.Imm(asm.R7, 0),
		asm.LoadMem(asm.R2, asm.R6, ctxData, asm.DWord),
		asm.LoadMem(asm.R3, asm.R6, ctxDataEnd, asm.DWord),
		asm.Mov.Reg(asm.R4, asm.R2),
		asm.Add.Imm(asm.R4, tcpFlags+1),
		asm.JGT.Reg(asm.R4, asm.R3, "choose"),
		asm.LoadMem(asm.R7, asm.R2, tcpFlags, asm.Byte),
		asm.FnGetPrandomU32.Call().WithSymbol("choose"),
		asm.StoreMem(asm.RFP, random, asm.R0, asm.Word),
		asm.LoadImm(asm.R8, 1<<62, asm.DWord),
		asm.Mov.Imm(asm.R9, int32(active[0])),
	}
	for i, slot := range active {
		next := fmt.Sprintf("after_%d", i)
		program = append(program,
			asm.StoreImm(asm.RFP, key, int64(slot), asm.Word),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, key),
			asm.LoadMapPtr(asm.R1, array),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, next),
			asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord),
			asm.LSh.Imm(asm.R1, tieBits),
			asm.LoadMem(asm.R2, asm.RFP, random, asm.Word),
			asm.Add.Imm32(asm.R2, int32(i)),
			asm.LoadImm(asm.R3, tieMultiply, asm.DWord),
			asm.Mul.Reg32(asm.R2, asm.R3),
			asm.RSh.Imm32(asm.R2, 32-tieBits),
			asm.Or.Reg(asm.R1, asm.R2),
			asm.JSGE.Reg(asm.R1, asm.R8, next),
			asm.Mov.Reg(asm.R8, asm.R1),
			asm.Mov.Imm(asm.R9, int32(slot)),
			asm.Mov.Imm(asm.R0, 0).WithSymbol(next))
	}
	return append(program,
		asm.StoreMem(asm.RFP, key, asm.R9, asm.Word),
		asm.And.Imm(asm.R7, flagSYN|flagACK),
		asm.JNE.Imm(asm.R7, flagSYN, "select"),
		asm.Mov.Reg(asm.R2, asm.RFP),
		asm.Add.Imm(asm.R2, key),
		asm.LoadMapPtr(asm.R1, array),
		asm.FnMapLookupElem.Call(),
		asm.JEq.Imm(asm.R0, 0, "select"),
		asm.Mov.Imm(asm.R1, 1),
		asm.AddAtomic.Mem(asm.R0, asm.R1, asm.DWord, 0),
		asm.Mov.Reg(asm.R1, asm.R6).WithSymbol("select"),
		asm.LoadMapPtr(asm.R2, table),
		asm.Mov.Reg(asm.R3, asm.RFP),
		asm.Add.Imm(asm.R3, key),
		asm.Mov.Imm(asm.R4, anyUpdate),
		asm.FnSkSelectReuseport.Call(),
		asm.Mov.Imm(asm.R0, skPass),
		asm.Return())
}
