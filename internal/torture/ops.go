//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// operation is something an operator does. It says nothing of the clients: they
// are not to notice.
type operation struct {
	name   string
	weight int
	run    func(*site, context.Context) error
}

// operations there are. All draw from the site's random numbers alone, so that
// a seed repeats them.
func (s *site) operations() []operation {
	all := []operation{
		{"resize", 6, (*site).resize},
		{"rolling restart", 3, (*site).rollingRestart},
		{"restart a worker", 3, (*site).restartWorker},
		{"reload routes", 4, (*site).reloadRoutes},
		{"reload timeouts", 2, (*site).reloadTimeouts},
		{"reload address", 2, (*site).reloadAddress},
		{"reload certificate", 2, (*site).reloadCertificate},
		{"reload workers", 2, (*site).reloadWorkers},
		{"discard changes by hand", 1, (*site).discard},
		{"stop and start others", 2, (*site).stopAndStart},
		{"add or remove another", 2, (*site).addOrRemove},
		{"to the master and back", 2, (*site).toMasterAndBack},
		{"change the pool", 2, (*site).changePool},
		{"set and unset", 3, (*site).setAndUnset},
	}
	if s.extends {
		all = append(all, operation{"extend a drain", 2, (*site).extendDrain})
	}
	if s.upgrades {
		all = append(all, operation{"upgrade", 1, (*site).upgradeMaster})
	}
	if s.kills {
		all = append(all, operation{"kill a worker", 3, (*site).killWorker}, operation{"stop a worker for a moment", 2, (*site).pauseWorker})
	}
	return slices.DeleteFunc(all, func(o operation) bool { return !chosen(o.name, s.only) })
}

// operate carries out operations until the context ends.
func (s *site) operate(ctx context.Context) {
	all := s.operations()
	for len(all) > 0 {
		gap, o := s.draw(all)
		select {
		case <-ctx.Done():
			return
		case <-s.exited:
			s.notes = append(s.notes, note{true, fmt.Sprintf("the runtime has ended by itself: %v", s.exit)})
			return
		case <-time.After(gap):
		}
		s.ledger.during(o.name, func() error { return o.run(s, ctx) })
	}
	<-ctx.Done() // operations were not wanted
}

// draw takes the next operation, and the pause before it.
func (s *site) draw(all []operation) (gap time.Duration, next operation) {
	gap = time.Duration(s.rng.Int64N(int64(s.gap) + 1))
	total := 0
	for _, o := range all {
		total += o.weight
	}
	n := s.rng.IntN(total)
	for _, next = range all {
		if n -= next.weight; n < 0 {
			break
		}
	}
	return gap, next
}

// seeded is a source of random numbers that repeats itself.
func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func pick[T any](s *site, from ...T) T { return from[s.rng.IntN(len(from))] }

// Exit codes of the command line.
const (
	exitConflict = 4 // something else came first
	exitRefused  = 6
)

// exitCode is what a verb ended with, -1 if it did not end by itself.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// do runs a verb whose output is of no interest. Where the answer is to try
// again later, it does: after a conflict, and when a refusal says so.
func (s *site) do(ctx context.Context, args ...string) error {
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		_, err := s.verb(ctx, args...)
		code := exitCode(err)
		again := code == exitConflict || code == exitRefused && strings.Contains(err.Error(), "try again")
		if !again || time.Now().After(deadline) {
			return err
		}
	}
}

func (s *site) resize(ctx context.Context) error {
	return s.do(ctx, "scale", pick(s, loaded...), strconv.Itoa(1+s.rng.IntN(6)))
}

func (s *site) toMasterAndBack(ctx context.Context) error {
	name, n := pick(s, loaded...), 1+s.rng.IntN(4)
	if err := s.do(ctx, "scale", name, "0"); err != nil {
		return err
	}
	return s.do(ctx, "scale", name, strconv.Itoa(n))
}

// rollingRestart replaces every worker, one after the other.
func (s *site) rollingRestart(ctx context.Context) error {
	name := pick(s, loaded...)
	l, err := s.listener(name)
	if err != nil || !l.Prefork {
		return err
	}
	if s.rolls {
		return s.do(ctx, "restart", name)
	}
	for id := range l.WorkersWanted {
		if err := s.restart(ctx, name, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) restartWorker(ctx context.Context) error {
	name, r := pick(s, loaded...), s.rng.IntN(720720) // divisible by any number of workers
	l, err := s.listener(name)
	if err != nil {
		return err
	}
	if !l.Prefork {
		return nil // it is in the master, until workers are asked for again
	}
	return s.restart(ctx, name, r%l.WorkersWanted)
}

func (s *site) restart(ctx context.Context, name string, id int) error {
	if s.rolls {
		return s.do(ctx, "restart", name+"/"+strconv.Itoa(id))
	}
	return s.do(ctx, "restart", name, strconv.Itoa(id))
}

// listener looks one up.
func (s *site) listener(name string) (control.ListenerInfo, error) {
	snap, err := s.control.Snapshot(context.Background())
	if err != nil {
		return control.ListenerInfo{}, err
	}
	for _, l := range snap.Listeners {
		if l.Name == name {
			return l, nil
		}
	}
	return control.ListenerInfo{}, fmt.Errorf("there is no listener %s", name)
}

// reload writes the file and has it read.
func (s *site) reload(ctx context.Context, args ...string) error {
	if err := s.save(); err != nil {
		return err
	}
	return s.do(ctx, append([]string{"reload"}, args...)...)
}

func (s *site) discard(ctx context.Context) error { return s.reload(ctx, "--discard") }

// reloadRoutes changes what /version answers, and a route besides.
func (s *site) reloadRoutes(ctx context.Context) error {
	s.model.version++
	s.model.extra = s.rng.IntN(3)
	s.versions.attempt(s.model.version)
	if err := s.reload(ctx); err != nil {
		return err
	}
	s.versions.reached(s.model.version)
	return nil
}

func (s *site) reloadTimeouts(ctx context.Context) error {
	name := pick(s, "read", "write", "idle")
	s.model.timeouts[name] = 20 + s.rng.IntN(100)
	return s.reload(ctx)
}

// reloadAddress moves a listener to another port or host; its clients are told
// where it is when the change has been answered.
func (s *site) reloadAddress(ctx context.Context) error {
	name := pick(s, loaded...)
	l, t := s.model.listeners[name], s.targets[name]
	host, port := pick(s, hosts...), s.rng.IntN(len(l.ports))
	l.address = fmt.Sprintf("%s:%d", host, l.ports[port])
	t.begin()
	err := s.reload(ctx)
	now, lookErr := s.listener(name)
	if lookErr != nil {
		now.Address = l.address
	}
	t.end(now.Address)
	return err
}

func (s *site) reloadCertificate(ctx context.Context) error {
	serial := s.certs.high.Load() + 1
	s.certs.attempt(int(serial))
	if err := writeCertificate(s.path("cert.pem"), s.path("key.pem"), serial); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	s.certs.reached(int(serial))
	return nil
}

func (s *site) reloadWorkers(ctx context.Context) error {
	s.model.listeners[pick(s, loaded...)].workers = 1 + s.rng.IntN(5)
	return s.reload(ctx)
}

// stopAndStart ends a listener that has no clients here, beside those that have.
func (s *site) stopAndStart(ctx context.Context) error {
	name := pick(s, others...)
	if s.model.listeners[name].absent {
		return s.addOrRemove(ctx)
	}
	if err := s.do(ctx, "stop", name); err != nil {
		return err
	}
	return s.do(ctx, "start", name)
}

func (s *site) addOrRemove(ctx context.Context) error {
	l := s.model.listeners[pick(s, others...)]
	l.absent = !l.absent
	return s.reload(ctx)
}

func (s *site) changePool(ctx context.Context) error {
	switch s.rng.IntN(3) {
	case 0:
		s.model.second = !s.model.second
	case 1:
		s.model.weight = 1 + s.rng.IntN(9)
	case 2:
		s.model.maxConns = 128 + s.rng.IntN(512)
	}
	if s.rng.IntN(2) == 0 {
		return s.reload(ctx)
	}
	return s.do(ctx, "set", "pools.echo.balance", pick(s, "least_connections", "round_robin", "random"))
}

func (s *site) setAndUnset(ctx context.Context) error {
	name := "listeners." + pick(s, loaded...)
	edit := pick(s, ".timeouts.idle=90s", ".timeouts.write=45s", ".limits.max_request_bytes=1MiB", ".limits.max_connections=9000",
		".limits.max_header_bytes=32KiB", ".keep_alive.period=1m", ".buffers.read=8KiB", ".buffers.write=16KiB")
	if err := s.do(ctx, "set", name+edit); err != nil {
		return err
	}
	if s.rng.IntN(2) == 0 {
		return nil
	}
	path, _, _ := strings.Cut(name+edit, "=")
	return s.do(ctx, "unset", path)
}

// extendDrain gives those more time who drain after a restart, if they still do.
func (s *site) extendDrain(ctx context.Context) error {
	if err := s.restartWorker(ctx); err != nil {
		return err
	}
	err := s.do(ctx, "drain", "--extend", "5s", "--json")
	if exitCode(err) == exitRefused {
		text := err.Error()
		if strings.Contains(text, `"drain.nothing_drains"`) || !strings.Contains(text, `"message_code"`) {
			return nil // all is done already; older programs have no codes of messages
		}
	}
	return err
}

func (s *site) upgradeMaster(ctx context.Context) error { return s.do(ctx, "upgrade") }
