//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// site is a runtime in a directory of its own, with what it needs around it.
type site struct {
	options
	dir     string
	program string
	version string
	// verbs that the binary has, by their help.
	upgrades, rolls, extends bool
	// tunnels is whether proxy routes pass upgraded connections on.
	tunnels bool
	// plain is a server that has nothing but the greeting.
	plain bool

	ledger  *ledger
	control *control.Client
	cmd     *exec.Cmd
	exited  chan struct{}
	exit    error
	echoes  []*backend
	closers []func()
	notes   []note

	// model is the file that the runtime reads; it belongs to the operations.
	model *model
	rng   *rand.Rand
	// targets by name of listener.
	targets map[string]*target
	// versions of the routes that a response may be of.
	versions *versions
	// certs are the serial numbers of certificates, likewise.
	certs *versions
}

// module is the package of the program under test.
const module = "github.com/echterhof/rockstar-tui"

func newSite(ctx context.Context, o options) (*site, error) {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		return nil, err
	}
	s := &site{options: o, dir: dir, program: o.program, ledger: newLedger(o.verbose), exited: make(chan struct{}),
		rng: seeded(o.seed), versions: new(versions), certs: new(versions)}
	s.closers = append(s.closers, func() { os.RemoveAll(dir) })
	if err := s.prepare(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) prepare(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	for range 2 {
		b, err := startBackend()
		if err != nil {
			return err
		}
		s.echoes = append(s.echoes, b)
		s.closers = append(s.closers, b.close)
	}
	if err := writeCertificate(s.path("cert.pem"), s.path("key.pem"), 1); err != nil {
		return err
	}
	var err error
	if s.model, err = newModel(s.echoes); err != nil {
		return err
	}
	if s.loss > 0 { // some handshakes will take half a minute
		s.model.timeouts["read_header"], s.model.timeouts["shutdown"] = 90, 90
	}
	s.targets = map[string]*target{}
	for name, l := range s.model.listeners {
		s.targets[name] = &target{address: l.address}
	}
	s.versions.attempt(s.model.version)
	s.versions.reached(s.model.version)
	s.control = control.Dial(s.path("control.sock"))
	s.closers = append(s.closers, func() { s.control.Close() })
	return s.save()
}

// build makes the program, unless one was given.
func (s *site) build(ctx context.Context) error {
	if s.program == "" {
		s.program = s.path("rockstar-tui")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", s.program, module)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build the program under test: %w\n%s", err, text)
		}
	}
	program, err := filepath.Abs(s.program)
	if err != nil {
		return err
	}
	s.program = program
	version, err := s.verb(ctx, "version")
	if err != nil {
		return err
	}
	s.version = strings.TrimSpace(version)
	help, err := s.verb(ctx, "--help")
	if err != nil {
		return err
	}
	s.extends = strings.Contains(help, "\n  drain ")
	s.upgrades = strings.Contains(help, "\n  upgrade ")
	if !s.upgrades {
		s.remark("left out: this program has no verb upgrade")
	}
	restart, err := s.verb(ctx, "restart", "--help")
	s.rolls = !strings.Contains(restart, "restart LISTENER WORKER")
	return err
}

func (s *site) path(name string) string { return filepath.Join(s.dir, name) }

func (s *site) remark(format string, args ...any) {
	s.notes = append(s.notes, note{Text: fmt.Sprintf(format, args...)})
}

func (s *site) env() []string {
	return append(os.Environ(), "ROCKSTAR_SOCKET="+s.path("control.sock"), "ROCKSTAR_CONFIG=", "HOME="+s.dir,
		"XDG_STATE_HOME="+s.dir, "XDG_CACHE_HOME="+s.dir, "XDG_RUNTIME_DIR="+s.dir, "NO_COLOR=1")
}

// verb runs a command line of the program, and fails with what it says.
func (s *site) verb(ctx context.Context, args ...string) (string, error) {
	// A run that ends lets its last operation finish.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env, cmd.Dir = s.env(), s.dir
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errOut.String()+out.String()))
	}
	return out.String(), nil
}

// start runs the runtime and waits until it serves.
func (s *site) start(ctx context.Context) error {
	log, err := os.Create(s.path("serve.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd = exec.Command(s.program, "serve", "-c", s.path("rockstar.yaml"))
	s.cmd.Env, s.cmd.Dir = s.env(), s.dir
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(s.exited)
		s.exit = s.cmd.Wait()
	}()
	if err := s.await(ctx, 30*time.Second, s.whole); err != nil {
		text, _ := os.ReadFile(log.Name())
		return fmt.Errorf("the runtime does not serve: %w\n%s", err, text)
	}
	if s.tunnels = s.tunnelWorks(); !s.tunnels {
		s.remark("left out: WebSockets, because a proxy route of this program does not pass an upgrade on")
	}
	return nil
}

// whole is whether every listener that is wanted serves with all its workers.
func (s *site) whole(snap *control.Snapshot) error {
	for _, l := range snap.Listeners {
		if l.Enabled && (l.State != control.StateServing || l.WorkersReady != l.WorkersWanted) {
			return fmt.Errorf("%s is %s with %d of %d workers: %s", l.Name, l.State, l.WorkersReady, l.WorkersWanted, l.Reason)
		}
	}
	return nil
}

// await looks at the runtime until it is as wanted.
func (s *site) await(ctx context.Context, patience time.Duration, wanted func(*control.Snapshot) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		snap, err := s.control.Snapshot(ctx)
		if err == nil {
			if err = wanted(snap); err == nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return err
		case <-s.exited:
			return fmt.Errorf("the runtime has ended: %v", s.exit)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// finish ends the runtime and lists what it did wrong besides failing requests.
func (s *site) finish() (notes []note) {
	wrong := func(format string, args ...any) { notes = append(notes, note{true, fmt.Sprintf(format, args...)}) }
	workers := s.workers()
	err := s.await(context.Background(), 2*time.Minute, func(snap *control.Snapshot) error {
		for _, l := range snap.Listeners {
			if n := l.Connections.Active + l.Connections.Idle; n > 0 {
				return fmt.Errorf("%s still counts %d connections after all clients have left", l.Name, n)
			}
		}
		return s.whole(snap)
	})
	if err != nil {
		wrong("%v", err)
	}
	notes = append(notes, s.counted()...)
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(2 * time.Minute):
		s.cmd.Process.Kill()
		<-s.exited
		wrong("the runtime did not end within two minutes of SIGTERM")
	}
	if s.exit != nil {
		wrong("the runtime ended with: %v", s.exit)
	}
	for _, pid := range workers {
		if !s.gone(pid) {
			wrong("worker %d outlived the runtime", pid)
		}
	}
	return notes
}

// counted is what the listeners counted as failed. Errors that no client has seen
// are wrong.
func (s *site) counted() (notes []note) {
	snap, err := s.control.Snapshot(context.Background())
	if err != nil {
		return []note{{true, fmt.Sprintf("what was counted is not known: %v", err)}}
	}
	for _, l := range snap.Listeners {
		if f := l.Failures; f != (control.Failures{}) {
			unseen := f.Server+f.Backend > 0 && s.ledger.clean()
			notes = append(notes, note{unseen, fmt.Sprintf("%s counted of %d requests as failed: %d by clients, %d canceled, %d by itself, %d by backends",
				l.Name, l.Requests, f.Client, f.Canceled, f.Server, f.Backend)})
		}
	}
	return notes
}

// gone waits a moment for the end of a process.
func (s *site) gone(pid int) bool {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return true
		}
	}
	return false
}

// workers are the processes that serve at the moment, without the master.
func (s *site) workers() (pids []int) {
	snap, err := s.control.Snapshot(context.Background())
	if err != nil {
		return nil
	}
	for _, l := range snap.Listeners {
		for _, w := range l.Workers {
			if l.Prefork && w.PID > 0 {
				pids = append(pids, w.PID)
			}
		}
	}
	return pids
}

// close ends what is left.
func (s *site) close() {
	if s.cmd != nil && s.cmd.Process != nil {
		select {
		case <-s.exited:
		default:
			s.cmd.Process.Kill()
			<-s.exited
		}
	}
	for _, f := range s.closers {
		f()
	}
}

// target is where clients find a listener.
type target struct {
	mu      sync.Mutex
	address string
	// moves counts changes of the address, moving is whether one is under way.
	moves  int
	moving bool
}

// at is the address, and the count of moves to compare it with later.
func (t *target) at() (address string, moves int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.address, t.moves
}

// movedSince reports whether the address may have been left since: no one can
// know the new one before the runtime has announced it.
func (t *target) movedSince(moves int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.moving || t.moves != moves
}

func (t *target) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moving = true
}

func (t *target) end(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.moving = false
	if address != t.address {
		t.address = address
		t.moves++
	}
}

// freePort is one outside of the range that connects take theirs from, so that
// no client sits on it while no listener does.
func freePort(rng *rand.Rand) (int, error) {
	for range 200 {
		port := 20000 + rng.IntN(10000)
		if portIsFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port between 20000 and 30000")
}

func portIsFree(port int) bool {
	for _, host := range hosts {
		at := fmt.Sprintf("%s:%d", host, port)
		ln, err := net.Listen("tcp", at)
		if err != nil {
			return false
		}
		ln.Close()
		pc, err := net.ListenPacket("udp", at)
		if err != nil {
			return false
		}
		pc.Close()
	}
	return true
}

// hosts that listeners move between.
var hosts = []string{"127.0.0.1", "127.0.0.2"}
