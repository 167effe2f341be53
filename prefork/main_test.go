//go:build unix

package prefork_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/echterhof/rockstar-tui/prefork"
)

// TestMain makes the test binary a worker, or a master to be killed, when it is
// started as one.
func TestMain(m *testing.M) {
	switch {
	case prefork.IsWorker():
		os.Exit(workerMain())
	case os.Getenv("PREFORK_TEST_MASTER") == "exec":
		os.Exit(execMain())
	case os.Getenv("PREFORK_TEST_MASTER") != "":
		os.Exit(masterMain())
	}
	// Workers inherit this: the race detector must not delay their exit by a second.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	os.Exit(m.Run())
}

// orders are the settings of the tests' worker.
type orders struct {
	Version string
	// Refuse are the ids of workers that refuse these settings.
	Refuse []int
	// ExitFrom is the first id of workers that print Print and exit with
	// status 3 instead of serving; 0 means none.
	ExitFrom int
	Print    string
	// CrashWhile names a file: as long as it exists, workers other than 0
	// exit at their start, or never get ready if it says "mute".
	CrashWhile string
	// Mute workers never get ready.
	Mute bool
}

func (o orders) bytes() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

// counts lie over a worker's memory.
type counts struct {
	Served, Passed, Open, Settings, Drains, Beats atomic.Uint64
}

const countsSize = int(unsafe.Sizeof(counts{}))

func beatsOf(memory []byte) uint64 { return countsOf(memory).Beats.Load() }

func countsOf(memory []byte) *counts { return (*counts)(unsafe.Pointer(&memory[0])) }

// server answers one line per connection, mostly: see serve.
type server struct {
	worker        *prefork.Worker
	ln            net.Listener
	counts        *counts
	version       atomic.Value
	open          atomic.Int64
	receivePaused atomic.Bool
}

// beat shows signs of life until the worker is told not to.
func (s *server) beat() {
	for !s.receivePaused.Load() {
		s.counts.Beats.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
}

func workerMain() int {
	w, err := prefork.Connect()
	if err != nil {
		fmt.Println("connect:", err)
		return 1
	}
	s := &server{worker: w, counts: &counts{}}
	if w.Memory() != nil {
		s.counts = countsOf(w.Memory())
	}
	go s.beat()
	err = w.Run(context.Background(), prefork.Handlers{
		Settings:   s.settings,
		Drain:      s.drain,
		Conn:       func(c net.Conn) { s.counts.Passed.Add(1); s.serve(c) },
		AcceptConn: s.adopt,
		Call:       s.call,
	})
	if err != nil {
		fmt.Println("run:", err)
		return 1
	}
	return 0
}

// adopt takes what it is not asked to refuse.
func (s *server) adopt(c net.Conn, about []byte) (func(bool), error) {
	if string(about) == "refuse" || string(about) == fmt.Sprint("refuse ", s.worker.ID()) {
		return nil, errors.New("as you like")
	}
	return func(taken bool) {
		if !taken {
			c.Close()
			return
		}
		s.serve(c)
	}, nil
}

func (s *server) settings(b []byte) error {
	s.counts.Settings.Add(1)
	var o orders
	if err := json.Unmarshal(b, &o); err != nil {
		return err
	}
	for _, id := range o.Refuse {
		if id == s.worker.ID() {
			return fmt.Errorf("version %s is not for me", o.Version)
		}
	}
	if o.ExitFrom > 0 && s.worker.ID() >= o.ExitFrom {
		fmt.Println(o.Print)
		os.Exit(3)
	}
	if how, err := os.ReadFile(o.CrashWhile); s.ln == nil && s.worker.ID() > 0 && err == nil {
		fmt.Println("first\n\x1b[31mnot today\x1b[0m\a")
		if string(how) != "mute" {
			os.Exit(4)
		}
		o.Mute = true
	}
	if o.Mute {
		select {}
	}
	s.version.Store(o.Version)
	if s.ln != nil {
		return nil
	}
	ln, err := s.worker.Listener()
	if err != nil {
		return err
	}
	s.ln = ln
	go s.accept()
	return nil
}

func (s *server) accept() {
	for {
		c, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.serve(c)
	}
}

func (s *server) serve(c net.Conn) {
	s.open.Add(1)
	go func() {
		defer s.open.Add(-1)
		defer c.Close()
		line, err := bufio.NewReader(c).ReadString('\n')
		if err != nil {
			return
		}
		s.counts.Open.Add(1)
		defer s.counts.Open.Add(^uint64(0))
		verb, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch verb {
		case "hold":
			d, _ := time.ParseDuration(arg)
			time.Sleep(d)
		case "greet": // answer once at once, and once after a while
			fmt.Fprintln(c, "0 hello")
			time.Sleep(500 * time.Millisecond)
		case "deafen":
			s.receivePaused.Store(true)
		case "crash":
			fmt.Fprintln(os.Stderr, "told to crash")
			os.Exit(7)
		}
		s.counts.Served.Add(1)
		fmt.Fprintf(c, "%d %s\n", os.Getpid(), s.version.Load())
	}()
}

// drain accepts until nothing has come for a moment, then waits for what is open.
func (s *server) drain(ctx context.Context, _ prefork.SendConn) {
	s.counts.Drains.Add(1)
	fmt.Println("draining") // whether or not anybody can still read it
	quiet := time.Now().Add(30 * time.Millisecond)
	s.ln.(*net.TCPListener).SetDeadline(quiet)
	for ctx.Err() == nil && (time.Now().Before(quiet) || s.open.Load() > 0) {
		time.Sleep(2 * time.Millisecond)
	}
}

func (s *server) call(kind string, payload []byte) ([]byte, error) {
	switch kind {
	case "echo":
		return payload, nil
	case "env":
		return []byte(strings.Join(os.Environ(), "\n")), nil
	case "hang":
		time.Sleep(time.Minute)
	case "title":
		return []byte(os.Args[0]), nil
	}
	return nil, errors.New("no call " + kind)
}

// masterMain runs a group of two and tells about it on standard output.
func masterMain() int {
	sockets, err := openSockets()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	orphan, _ := time.ParseDuration(os.Getenv("PREFORK_TEST_ORPHAN"))
	g := prefork.NewGroup(prefork.Config{
		OrphanTimeout: orphan, OrphanDir: os.Getenv("PREFORK_TEST_NEST"),
		Name: "orphans", Sockets: sockets, Settings: orders{Version: "a"}.bytes(),
		MemorySize: countsSize, Beat: beatsOf, HangTimeout: 2 * time.Second,
	})
	if err := g.Resize(context.Background(), 2); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(sockets.addr)
	for _, w := range g.Workers() {
		fmt.Println(w.PID)
	}
	fmt.Println("up")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	g.Kill()
	return 0
}
