package scoreboard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"
	"unsafe"
)

// A segment names its counters: behind them lies a directory that tells where each
// one is, so that programs of different versions read what each other's processes
// count. A counter that this program does not know is skipped, one that the segment
// does not have is zero.
//
// From the end of the segment backwards: magic, the length of the directory as a
// uint32, and the directory, in which each counter has offset, count and stride as
// uint32, the length of its name as a byte, and its name. All is little-endian. A
// counter is a word of 64 bits, or count of them, stride bytes apart.

const (
	magic      = "rtui-sb1"
	footerSize = len(magic) + 4
	entrySize  = 3*4 + 1 // without the name
	wordSize   = 8
	// maxSegment bounds what is read of another program, in bytes.
	maxSegment = 16 << 20
)

// counter is where a number, or a row of them, lies in a segment.
type counter struct {
	name                  string
	offset, count, stride int
}

func (c counter) at(i int) int { return c.offset + i*c.stride }

// directory is where the counters of this program lie in a segment.
type directory struct {
	raw  string
	size int // of the counters before it
	// alike says that they lie as in a segment of this program.
	alike bool
	// words are the offsets of those in [once], -1 for one that is not there.
	words [onceWords]int
	// listener and backends are what is there of those.
	listener, backends []pair
}

// pair is a counter in a segment of this program, and in the one at hand.
type pair struct{ own, theirs counter }

const onceWords = int(unsafe.Sizeof(once[uint64, uint64]{})) / wordSize

var (
	ownCounters  = countersOf(reflect.TypeFor[segment]())
	onceCounters = countersOf(reflect.TypeFor[once[uint64, uint64]]())
	// own is the directory of this program's segments, first that of the programs
	// from before there were directories.
	own   = newDirectory(encode(ownCounters), countersSize, ownCounters)
	first = newDirectory("", firstSize, firstCounters)
	// last is the last one read of another program.
	last atomic.Pointer[directory]
)

// directoryIn finds the directory of a segment.
func directoryIn(memory []byte) (*directory, error) {
	end := len(memory) - len(magic)
	switch {
	case end >= 0 && len(memory) <= maxSegment && string(memory[end:]) == magic:
	case len(memory) == firstSize:
		return first, nil
	default:
		return nil, fmt.Errorf("a scoreboard of %d bytes is not understood", len(memory))
	}
	end -= 4
	if end < 0 {
		return nil, errTruncated
	}
	length := int64(binary.LittleEndian.Uint32(memory[end:]))
	start := int64(end) - length
	if start < 0 {
		return nil, errTruncated
	}
	raw, size := memory[start:], int(start)
	for _, d := range []*directory{own, last.Load()} {
		if d != nil && d.size == size && string(raw) == d.raw {
			return d, nil
		}
	}
	text := string(raw) // a copy: who counts could write on
	counters, err := decode(text[:length], size)
	if err != nil {
		return nil, err
	}
	d := newDirectory(text, size, counters)
	last.Store(d)
	return d, nil
}

var errTruncated = errors.New("the scoreboard's directory is truncated")

// encode is the directory of these counters.
func encode(counters []counter) string {
	var b []byte
	for _, c := range counters {
		for _, n := range []int{c.offset, c.count, c.stride} {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		b = append(append(b, byte(len(c.name))), c.name...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)))
	return string(append(b, magic...))
}

// decode reads a directory behind size bytes of counters. Each counter has a name of
// its own and words of its own.
func decode(text string, size int) (counters []counter, err error) {
	taken := make([]bool, size/wordSize)
	names := map[string]bool{}
	for len(text) > 0 {
		if len(text) < entrySize || len(text) < entrySize+int(text[entrySize-1]) {
			return nil, errTruncated
		}
		number := func(i int) int { return int(binary.LittleEndian.Uint32([]byte(text[4*i : 4*i+4]))) }
		c := counter{text[entrySize : entrySize+int(text[entrySize-1])], number(0), number(1), number(2)}
		text = text[entrySize+len(c.name):]
		if c.name == "" || names[c.name] {
			return nil, fmt.Errorf("the scoreboard has two counters %q, or one without a name", c.name)
		}
		names[c.name] = true
		if err := c.occupy(taken); err != nil {
			return nil, err
		}
		counters = append(counters, c)
	}
	return counters, nil
}

// occupy checks that the words of c exist and belong to no other counter.
func (c counter) occupy(taken []bool) error {
	if c.offset < 0 || c.offset%wordSize != 0 || c.stride%wordSize != 0 || c.count < 1 || c.stride < wordSize || c.count > len(taken) {
		return fmt.Errorf("counter %q of the scoreboard lies at no word", c.name)
	}
	for i := range c.count {
		word := c.at(i) / wordSize
		if word >= len(taken) {
			return fmt.Errorf("counter %q lies beyond the scoreboard", c.name)
		}
		if taken[word] {
			return fmt.Errorf("counter %q of the scoreboard lies over another one", c.name)
		}
		taken[word] = true
	}
	return nil
}

// newDirectory finds this program's counters among those of a segment.
func newDirectory(raw string, size int, theirs []counter) *directory {
	d := &directory{raw: raw, size: size, alike: true}
	byName := map[string]counter{}
	for _, c := range theirs {
		byName[c.name] = c
	}
	for i, c := range onceCounters {
		d.words[i] = -1
		if t, ok := byName[c.name]; ok {
			d.words[i] = t.offset
		}
	}
	for _, c := range ownCounters {
		t, ok := byName[c.name]
		if d.alike = d.alike && t == c; !ok {
			continue
		}
		switch {
		case strings.HasPrefix(c.name, "Listener."):
			d.listener = append(d.listener, pair{c, t})
		case strings.HasPrefix(c.name, "Backends."):
			d.backends = append(d.backends, pair{c, t})
		}
	}
	return d
}

// countersOf lists the words of a type that consists of nothing else.
func countersOf(t reflect.Type) (all []counter) {
	if size := t.Size(); t.Kind() != reflect.Struct || isWord(t) {
		return []counter{{count: 1, stride: int(size)}}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		element, count := f.Type, 1
		if f.Type.Kind() == reflect.Array {
			element, count = f.Type.Elem(), f.Type.Len()
		}
		for _, c := range countersOf(element) {
			if c.name = strings.TrimSuffix(f.Name+"."+c.name, "."); f.Anonymous {
				_, c.name, _ = strings.Cut(c.name, ".")
			}
			c.offset += int(f.Offset)
			if count > 1 {
				if c.count > 1 {
					panic("scoreboard: " + c.name + " is a row of rows, which a directory cannot tell")
				}
				c.count, c.stride = count, int(element.Size())
			}
			all = append(all, c)
		}
	}
	return all
}

func isWord(t reflect.Type) bool {
	return t == reflect.TypeFor[atomic.Uint64]() || t == reflect.TypeFor[atomic.Int64]()
}
