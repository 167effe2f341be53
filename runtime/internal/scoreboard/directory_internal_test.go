package scoreboard

import (
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/echterhof/rockstar-tui/listener"
)

// names are those of all counters of this program.
func names() (all []string) {
	for _, c := range ownCounters {
		all = append(all, c.name)
	}
	return all
}

// TestCountersKeepTheirNames: a name is what other programs find a counter by.
func TestCountersKeepTheirNames(t *testing.T) {
	text, err := os.ReadFile("testdata/counters.txt")
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(string(text))
	for _, name := range known {
		if !slices.Contains(names(), name) {
			t.Errorf("%s is gone: other programs would read zero where this one counts; a counter keeps its name", name)
		}
	}
	for _, name := range names() {
		if !slices.Contains(known, name) {
			t.Errorf("%s is new: add it to testdata/counters.txt", name)
		}
	}
}

// place lays counters into the memory of a process, one behind the other, with a gap
// before each.
func place(counters []counter) (memory []byte, placed []counter) {
	at := 8
	for _, c := range counters {
		c.offset = at
		at += max(c.count*c.stride, wordSize) + 8
		placed = append(placed, c)
	}
	return aligned(make([]byte, at), encode(placed)), placed
}

// aligned is memory as the kernel hands it out, with a directory at its end.
func aligned(counters []byte, directory string) []byte {
	all := string(counters) + directory
	words := make([]uint64, len(all)/wordSize+1)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), len(all))
	copy(memory, all)
	return memory
}

func word(memory []byte, c counter, i int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&memory[c.at(i)]))
}

// read is what a board tells of a counter.
func read(b *Board, c counter, i int) uint64 {
	switch {
	case strings.HasPrefix(c.name, "Listener."):
		return (*atomic.Uint64)(unsafe.Add(unsafe.Pointer(b.Listener), c.at(i)-listenerOffset)).Load()
	case strings.HasPrefix(c.name, "Backends."):
		totals, own := reflect.ValueOf(b.Backend(i)), strings.TrimPrefix(c.name, "Backends.")
		return totals.FieldByName(own).Uint()
	}
	at := slices.IndexFunc(onceCounters, func(o counter) bool { return o.name == c.name })
	return (*(*[onceWords]*atomic.Uint64)(unsafe.Pointer(&b.once)))[at].Load()
}

// TestNumbersAreFoundByName reads segments of programs that have put everything
// elsewhere, count more and less.
func TestNumbersAreFoundByName(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		theirs := slices.Clone(ownCounters)
		rng.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
		theirs = theirs[:len(theirs)-rng.IntN(5)]
		theirs = append(theirs, counter{"Listener.unheardOf", 0, 3, 8}, counter{"unheardOf", 0, 1, 8})
		for i := range theirs {
			if c := &theirs[i]; c.count > 1 { // of backends, latencies and failures
				c.count, c.stride = max(1, c.count-2+rng.IntN(5)), 8*(1+rng.IntN(3))
			}
		}
		memory, theirs := place(theirs)
		value := uint64(1)
		for _, c := range theirs {
			for i := range c.count {
				value++
				word(memory, c, i).Store(value)
			}
		}
		b := Over(memory)
		if b.Backends != nil {
			t.Fatal("a segment of another program passes for one of this")
		}
		for _, c := range ownCounters {
			at := slices.IndexFunc(theirs, func(o counter) bool { return o.name == c.name })
			for i := range c.count {
				want := uint64(0)
				if at >= 0 && i < theirs[at].count {
					want = word(memory, theirs[at], i).Load()
				}
				if c.name == "Backends.Open" { // is never told as less than the active ones
					want = max(want, read(b, counter{name: "Backends.Active"}, i))
				}
				if got := read(b, c, i); got != want {
					t.Fatalf("seed %d: %s[%d] is %d, want %d", seed, c.name, i, got, want)
				}
			}
		}
	}
}

// TestTheMasterWritesWhereTheProcessReads, also if that is of another program.
func TestTheMasterWritesWhereTheProcessReads(t *testing.T) {
	theirs := slices.Clone(ownCounters)
	slices.Reverse(theirs)
	memory, theirs := place(theirs)
	b := Over(memory)
	b.Announce(443)
	b.SetOthers(listener.Totals{Requests: 7})
	b.Place.Store(3)
	b.Drain.Receipt.Store(4)
	b.Drain.Now.Store(1)
	for name, want := range map[string]uint64{"Alternative.port": 443, "others.requests": 7, "Place": 3, "Drain.Receipt": 4, "Drain.Now": 1, "Beat": 0} {
		c := theirs[slices.IndexFunc(theirs, func(c counter) bool { return c.name == name })]
		if got := word(memory, c, 0).Load(); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}

// TestAMissingCounterIsZeroAndTakesNothing: what is written to it changes nothing else.
func TestAMissingCounterIsZeroAndTakesNothing(t *testing.T) {
	memory, _ := place([]counter{{"Beat", 0, 1, 8}})
	before := string(memory)
	b, c := Over(memory), Over(memory)
	b.Place.Store(7)
	b.Drain.Receipt.Store(7)
	if got := c.Place.Load() + int64(c.Drain.Receipt.Load()) + int64(b.Drain.Now.Load()); got != 0 || string(memory) != before {
		t.Errorf("another board shows %d, want that nothing was kept", got)
	}
}

// TestSegmentsOfThePastAreRead: those that name nothing, of programs before that.
func TestSegmentsOfThePastAreRead(t *testing.T) {
	memory := aligned(make([]byte, firstSize), "")
	value := uint64(0)
	for _, c := range firstCounters {
		for i := range c.count {
			value++
			word(memory, c, i).Store(value)
		}
	}
	b := Over(memory)
	for _, c := range firstCounters {
		for i := range c.count {
			want := word(memory, c, i).Load()
			if c.name == "Backends.Open" {
				want = max(want, read(b, counter{name: "Backends.Active"}, i))
			}
			if got := read(b, c, i); got != want {
				t.Fatalf("%s[%d] is %d, want %d", c.name, i, got, want)
			}
		}
	}
	if end := firstCounters[len(firstCounters)-1]; end.at(end.count-1)+wordSize != firstSize {
		t.Errorf("the last counter ends at %d of %d", end.at(end.count-1)+wordSize, firstSize)
	}
	if !Readable(0, firstLayout) || Readable(0, "x") || !Readable(Format, "x") || Readable(Format+1, firstLayout) || Readable(-1, firstLayout) {
		t.Error("wrong about which ones are readable")
	}
}

// TestTheFingerprintIsThatOfEarlierPrograms: by it they know whether they can read
// what we count, and we can go back to them.
func TestTheFingerprintIsThatOfEarlierPrograms(t *testing.T) {
	if slices.Equal(ownCounters, firstCounters) != (Layout == firstLayout) {
		t.Errorf("the layout is %s, that of programs without directories %s", Layout, firstLayout)
	}
	type inner struct{ N, M atomic.Uint64 }
	type flat struct {
		A [3]inner
		N atomic.Uint64
		M atomic.Uint64
	}
	type embedding struct {
		A [3]inner
		inner
	}
	if a, b := layoutOf(reflect.TypeFor[flat]()), layoutOf(reflect.TypeFor[embedding]()); a != b || a == layoutOf(reflect.TypeFor[inner]()) {
		t.Errorf("fingerprints %s and %s, want that embedding makes no difference", a, b)
	}
	if a, b := countersOf(reflect.TypeFor[flat]()), countersOf(reflect.TypeFor[embedding]()); !slices.Equal(a, b) {
		t.Errorf("counters %v and %v, want that embedding makes no difference", a, b)
	}
}

func TestAProcessCountsWhereItsMasterLooks(t *testing.T) {
	memory := aligned(make([]byte, countersSize), own.raw)
	clear(memory[countersSize:])
	if _, err := Own(memory); err == nil {
		t.Error("a segment without a directory passes for one of this program")
	}
	Describe(memory)
	if len(memory) != Size {
		t.Errorf("a segment of %d bytes, want %d", len(memory), Size)
	}
	b, err := Own(memory)
	if err != nil {
		t.Fatal(err)
	}
	b.Listener.Requests.Add(3)
	b.Backends[MaxCells-1].Errors.Add(4)
	b.Beat.Add(5)
	m := Over(memory)
	if m.Listener.Requests.Load() != 3 || m.Backend(MaxCells-1).Errors != 4 || m.Beat.Load() != 5 {
		t.Errorf("the master sees %d, %+v, %d", m.Listener.Requests.Load(), m.Backend(MaxCells-1), m.Beat.Load())
	}
	for name, memory := range map[string][]byte{
		"of another program": func() []byte { m, _ := place(ownCounters); return m }(),
		"of the past":        make([]byte, firstSize),
		"none":               nil,
	} {
		if _, err := Own(memory); err == nil || !strings.Contains(err.Error(), "memory shared with the master") {
			t.Errorf("memory %s: %v", name, err)
		}
	}
}

func TestADirectoryThatIsWrongIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		counters []counter
		want     string
	}{
		"beyond":      {[]counter{{"a", 64, 1, 8}}, "beyond"},
		"row beyond":  {[]counter{{"a", 0, 8, 16}}, "beyond"},
		"over":        {[]counter{{"a", 0, 3, 8}, {"b", 16, 1, 8}}, "over another"},
		"crooked":     {[]counter{{"a", 4, 1, 8}}, "no word"},
		"stride":      {[]counter{{"a", 0, 2, 12}}, "no word"},
		"no stride":   {[]counter{{"a", 0, 2, 0}}, "no word"},
		"no words":    {[]counter{{"a", 0, 0, 8}}, "no word"},
		"many":        {[]counter{{"a", 0, 9, 8}}, "no word"},
		"no name":     {[]counter{{"", 0, 1, 8}}, "without a name"},
		"twice":       {[]counter{{"a", 0, 1, 8}, {"a", 8, 1, 8}}, `two counters "a"`},
		"last is ok":  {[]counter{{"a", 56, 1, 8}}, ""},
		"woven is ok": {[]counter{{"a", 0, 4, 16}, {"b", 8, 4, 16}}, ""},
	} {
		_, err := directoryIn(aligned(make([]byte, 64), encode(tt.counters)))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	whole := string(make([]byte, 64)) + encode([]counter{{"a", 0, 1, 8}, {"bc", 8, 1, 8}})
	for cut := range len(whole) {
		if _, err := directoryIn(aligned([]byte(whole[cut:]), "")); (err == nil) != (cut <= 48) {
			t.Errorf("without its first %d bytes: %v; the counters take 16", cut, err)
		}
		if _, err := directoryIn(aligned([]byte(whole[:cut]), "")); err == nil {
			t.Errorf("cut at %d it is read", cut)
		}
	}
	text := encode([]counter{{"a", 0, 1, 8}})
	text = text[:entrySize-1] + "\x02" + text[entrySize:] // the name would go on beyond the directory
	if _, err := directoryIn(aligned(make([]byte, 64), text)); err != errTruncated {
		t.Errorf("a name that is cut: %v", err)
	}
	if d, err := directoryIn(aligned(nil, encode(nil))); err != nil || d.words[0] != -1 {
		t.Errorf("a segment without counters: %v", err)
	}
	for size, want := range map[int]bool{maxSegment: true, maxSegment + 8: false} {
		if _, err := directoryIn(aligned(make([]byte, size-len(encode(nil))), encode(nil))); (err == nil) != want {
			t.Errorf("a segment of %d bytes: %v", size, err)
		}
	}
}

// TestWhatIsNotUnderstoodIsZero, and nobody is harmed by it.
func TestWhatIsNotUnderstoodIsZero(t *testing.T) {
	for _, memory := range [][]byte{nil, []byte("short"), make([]byte, Size), aligned(nil, "\xff\xff\xff\xff"+magic)} {
		b := Over(memory)
		b.Beat.Add(1)
		b.Announce(443)
		if b.Totals() != (listener.Totals{}) || b.Backend(0).Requests != 0 || Over(memory).Beat.Load() != 0 {
			t.Errorf("%d bytes: %+v", len(memory), b.Totals())
		}
	}
}

// FuzzSegment: the process of another program may write anything into its memory, at
// any time.
func FuzzSegment(f *testing.F) {
	f.Add([]byte(own.raw), uint16(0))
	f.Add([]byte(encode([]counter{{"Beat", 0, 1, 8}, {"Listener.Latency", 8, 10, 16}, {"Backends.Open", 200, 20, 8}})), uint16(1000))
	f.Add([]byte(encode([]counter{{"Place", 0xfffffff8, 0xffffffff, 0xfffffff8}})), uint16(8))
	f.Fuzz(func(t *testing.T, directory []byte, size uint16) {
		memory := aligned(make([]byte, size), string(directory))
		d, err := directoryIn(memory)
		b := Over(memory)
		for _, c := range ownCounters {
			read(b, c, 0)
			read(b, c, c.count-1)
		}
		b.Announce(443)
		b.SetOthers(listener.Totals{Requests: 7})
		b.Drain.Receipt.Store(1)
		b.Place.Store(1)
		b.Drained(true)
		if err == nil && d.raw != "" && !strings.HasSuffix(string(memory), d.raw) {
			t.Error("what the master wrote lies over the directory")
		}
	})
}

// BenchmarkCounting: counting on a board is one atomic add, as without it.
func BenchmarkCounting(b *testing.B) {
	memory := aligned(make([]byte, countersSize), own.raw)
	board, err := Own(memory)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("board", func(b *testing.B) {
		c := board.Listener
		for b.Loop() {
			c.Requests.Add(1)
		}
	})
	b.Run("variable", func(b *testing.B) {
		n := new(atomic.Uint64)
		for b.Loop() {
			n.Add(1)
		}
	})
}

// BenchmarkOver is what the master pays to look at a process.
func BenchmarkOver(b *testing.B) {
	theirs := slices.Clone(ownCounters)
	slices.Reverse(theirs)
	other, _ := place(theirs)
	for name, memory := range map[string][]byte{"own": aligned(make([]byte, countersSize), own.raw), "other": other} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Over(memory)
			}
		})
	}
}
