//go:build linux

package main

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/time/rate"
)

// asCommand has the test binary be the command itself.
const asCommand = "ROCKSTAR_TORTURE_COMMAND"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == plainWorker || os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(buildAndRun(m))
}

// program under test, built once.
var program string

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		say("%v", err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "rockstar-tui")
	if text, err := exec.Command("go", "build", "-o", program, module).CombinedOutput(); err != nil {
		say("build: %v\n%s", err, text)
		return 1
	}
	return m.Run()
}

// Handshakes that lose a third of their packets are neither reset nor forgotten
// by a resize or a restart.
func TestHandshakesUnderLossSurviveResizeAndRestart(t *testing.T) {
	if why := lossImpossible(); why != "" {
		t.Skip(why)
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-program", program, "-loss", "30", "-time", "2s", "-seed", "3", "-rate", "1000", "-only", "resize,rolling,restart",
		"-clients", "short,keep-alive,tls")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	text, err := cmd.CombinedOutput()
	t.Logf("%s", text)
	if err != nil {
		t.Errorf("under loss: %v", err)
	}
}

// A few seconds of what make torture does for a minute.
func TestAShortTortureFailsNoRequest(t *testing.T) {
	t.Parallel()
	r, err := torture(t.Context(), options{program: program, time: 3 * time.Second, seed: 7, rate: 1500, gap: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	r.print(&text)
	t.Log(text.String())
	if wrong := r.verdict(); len(wrong) > 0 {
		t.Errorf("%q", wrong)
	}
	for kind, k := range r.Kinds {
		if k.Requests == 0 {
			t.Errorf("%s clients got no answer", kind)
		}
	}
	if len(r.Ops) == 0 {
		t.Error("there were no operations")
	}
}

// lone is a client without a site around it, for servers that behave badly.
func lone(t *testing.T, kind, address string) *client {
	t.Helper()
	s := &site{ledger: newLedger(false), versions: new(versions), certs: new(versions), plain: true}
	c := &client{site: s, kind: kind, target: &target{address: address}, pace: rate.NewLimiter(rate.Inf, 1),
		rng: seeded(1), source: net.IPv4(127, 0, 0, 1)}
	s.ledger.note(kind, func(*kindCount) {})
	return c
}

// serve answers each connection by f, which closes nothing.
func serve(t *testing.T, f func(net.Conn)) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				f(conn)
			}()
		}
	}()
	return ln.Addr().String()
}

// What must not happen is seen and named when it does.
func TestFailuresAreCountedByCause(t *testing.T) {
	read := func(c net.Conn) { c.Read(make([]byte, 4096)) }
	for want, f := range map[string]func(net.Conn){
		"response: EOF before the response": read,
		"response: connection reset":        func(c net.Conn) { read(c); c.(*net.TCPConn).SetLinger(0) },
		"response: EOF in a response":       func(c net.Conn) { read(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") },
		"status 503":                        func(c net.Conn) { read(c); io.WriteString(c, "HTTP/1.1 503 Bad\r\nContent-Length: 0\r\n\r\n") },
		"wrong body":                        func(c net.Conn) { read(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc") },
	} {
		c := lone(t, "short", serve(t, f))
		c.short(t.Context())
		r := c.ledger.report()
		if len(r.Failures) != 1 || r.Failures[0].Cause != want || r.requests() != 0 || len(r.verdict()) == 0 {
			t.Errorf("%s: counted %+v", want, r.Failures)
		}
	}
}

func TestARefusedConnectIsExcusedByAMoveOnly(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	c := lone(t, "short", ln.Addr().String())
	c.target.begin()
	c.short(t.Context())
	c.target.end(ln.Addr().String())
	if r := c.ledger.report(); len(r.Failures) != 0 || r.Kinds["short"].Moved != 1 {
		t.Errorf("while the address changes: %+v, %+v", r.Failures, r.Kinds["short"])
	}
	c.short(t.Context())
	if r := c.ledger.report(); len(r.Failures) != 1 || r.Failures[0].Cause != "connect: connection refused" {
		t.Errorf("while nothing changes: %+v", r.Failures)
	}
}

// Of the requests above the last stream of a GOAWAY the server has said that it
// did not begin them; those below it owes.
func TestStreamsOfAFinalGoAway(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	go io.Copy(io.Discard, there)
	h, err := newH2Conn(here, here)
	if err != nil {
		t.Fatal(err)
	}
	owed, err := h.open(request{method: "GET", path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	late, err := h.open(request{method: "GET", path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	go h.read()
	server := http2.NewFramer(there, nil)
	server.WriteGoAway(math.MaxInt32, http2.ErrCodeNo, nil)
	server.WriteGoAway(owed.id, http2.ErrCodeNo, nil)
	if err := late.wait(10 * time.Second); err != errNotBegun {
		t.Errorf("above the last stream: %v, want %v", err, errNotBegun)
	}
	there.Close()
	if err := owed.wait(10 * time.Second); err == nil || !strings.Contains(err.Error(), "lost after GOAWAY") {
		t.Errorf("below the last stream: %v, want a loss", err)
	}
	if _, err := h.open(request{}); err != errLeaving {
		t.Errorf("a new request after GOAWAY: %v, want %v", err, errLeaving)
	}
}

// The kernel tells which connections a process holds.
func TestPeersOfAProcess(t *testing.T) {
	held := make(chan string, 1)
	address := serve(t, func(c net.Conn) {
		held <- c.RemoteAddr().String()
		c.Read(make([]byte, 1))
	})
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	want := <-held
	peers, err := peersOf(os.Getpid())
	if err != nil || !strings.Contains(strings.Join(peers, " ")+" ", want+" ") {
		t.Errorf("got %v, %v, want %s among them", peers, err, want)
	}
}

func TestOnlyConnectionsOfTheKilledAreExcused(t *testing.T) {
	l := newLedger(false)
	l.excuse([]string{"127.0.0.1:1", "127.0.0.1:2"})
	l.closed("127.0.0.1:2")
	for _, local := range []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"} {
		l.failed("short", "x", local)
	}
	if excused, others := l.report().failed(); excused != 1 || others != 2 {
		t.Errorf("%d excused and %d not, want 1 and 2", excused, others)
	}
}

// The same seed has the same operations.
func TestASeedRepeatsItsOperations(t *testing.T) {
	run := func() (names []string) {
		s := &site{options: options{seed: 5}, rng: seeded(5)}
		for range 50 {
			_, o := s.draw(s.operations())
			names = append(names, o.name)
		}
		return names
	}
	if a, b := run(), run(); strings.Join(a, ",") != strings.Join(b, ",") {
		t.Errorf("%v\n%v", a, b)
	}
}

// The comparison measures what it says: a plain prefork is replaced and answers.
func TestPlainPreforkIsReplacedUnderLoad(t *testing.T) {
	o := options{rounds: 2, perPeer: 600 * time.Millisecond, rate: 500}
	p := &peer{name: "plain", start: startPlain}
	r, err := p.measure(t.Context(), o, t.TempDir(), [2]int{2, 1})
	if err != nil || r.Reloads != 2 || r.Kinds["short"].Requests == 0 || r.Kinds["keep-alive"].Requests == 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(frameMessage(opText, []byte("hello"), true))
	f.Add(frameMessage(opClose, nil, false))
	f.Fuzz(func(t *testing.T, b []byte) {
		op, message, err := readMessage(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return
		}
		again, same, err := readMessage(bufio.NewReader(bytes.NewReader(frameMessage(op, message, true))))
		if err != nil || again != op || !bytes.Equal(same, message) {
			t.Errorf("%d %q became %d %q, %v", op, message, again, same, err)
		}
	})
}

func FuzzProcAddress(f *testing.F) {
	f.Add("0100007F:1F90")
	f.Add("0000000000000000FFFF00000100007F:1F90")
	f.Fuzz(func(t *testing.T, s string) {
		if addr, ok := procAddress(s); ok {
			if _, err := net.ResolveTCPAddr("tcp", addr); err != nil {
				t.Errorf("%q became %q: %v", s, addr, err)
			}
		}
	})
}
