package procstat

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Lines of the kernel's tables.
const (
	listening = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000000000000000 100 0 0 10 0"
	connected = "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4243 1 0000000000000000 20 4 30 10 -1"
	unowned   = "   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0 1 0000000000000000 100 0 0 10 0"
	datagrams = "   3: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000  1000        0 4244 2 0000000000000000 0"
)

func TestWhoHoldsAPort(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		port       uint64
		datagrams  bool
		want       string
	}{
		{"who listens", listening, 8080, false, "4242"},
		{"another port", listening, 8081, false, ""},
		{"a connection", connected, 8080, false, ""},
		{"a socket of nobody", unowned, 8080, false, ""},
		{"who receives", datagrams, 8080, true, "4244"},
		{"the head of the table", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode", 0, false, ""},
		{"nothing", "", 8080, false, ""},
	} {
		inode, uid, ok := holds(strings.Fields(tt.line), tt.port, tt.datagrams)
		if ok != (tt.want != "") || ok && (inode != tt.want || uid != "1000") {
			t.Errorf("%s: %q, %q, %t; want %q", tt.name, inode, uid, ok, tt.want)
		}
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := PortHolder(ln.Addr().String(), false); !strings.HasPrefix(got, "pid ") {
		t.Errorf("our own port is held by %q", got)
	}
	for _, bad := range []string{"", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:70000"} {
		if got := PortHolder(bad, false); got != "" {
			t.Errorf("%q is held by %q", bad, got)
		}
	}
}

func TestThisProcessIsMeasured(t *testing.T) {
	m := NewMeter()
	cpu, memory := m.Of(os.Getpid())
	if cpu <= 0 || memory < 1<<20 || Resident(os.Getpid()) < 1<<20 {
		t.Errorf("%g CPU seconds, %d bytes", cpu, memory)
	}
	if cpu, memory := m.Of(0); cpu != 0 || memory != 0 || Resident(1<<30) != 0 {
		t.Error("no process uses something")
	}
	open, limit := Descriptors(os.Getpid())
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if more, _ := Descriptors(os.Getpid()); open < 3 || more <= open || limit < more {
		t.Errorf("%d descriptors, then %d, of %d", open, more, limit)
	}
	if n := countEntries("/proc/self/fd"); n < open {
		t.Errorf("%d entries, want at least %d", n, open)
	}
	if tasksOf(os.Getuid()) < 1 {
		t.Error("this user has no thread")
	}
}

func TestProcessesThatNobodyAsksAboutAreForgotten(t *testing.T) {
	m := NewMeter()
	m.Of(os.Getpid())
	m.Forget()
	if len(m.known) != 1 {
		t.Error("forgotten at once")
	}
	m.known[os.Getpid()].measured = m.known[os.Getpid()].measured.Add(-2 * usageMemory)
	m.Forget()
	if len(m.known) != 0 {
		t.Error("remembered for ever")
	}
}

func TestTheTightestLimitCounts(t *testing.T) {
	if got := (taskLimit{"x", 10, 12}).free(); got != 0 {
		t.Errorf("%d are free beyond the limit", got)
	}
	if l, ok := tightestTaskLimit(); ok && (l.max == 0 || l.used == 0 || !strings.Contains(l.String(), "are in use")) {
		t.Errorf("the limit is %+v", l)
	}
	if err := RoomForWorkers(1 << 40); err == nil || !strings.Contains(err.Error(), "there is room for") {
		t.Errorf("room for any number of workers: %v", err)
	}
	path := filepath.Join(t.TempDir(), "max")
	for text, want := range map[string]bool{"max\n": false, "12\n": true, "": false, "-1": false} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok := readNumber(path); ok != want {
			t.Errorf("%q is a number: %t", text, ok)
		}
	}
}
