package sockets

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// MaxActive is the greatest number of slots that can be steered to.
const MaxActive = 256

// ErrClosed is returned by Sockets that have been closed.
var ErrClosed = errors.New("listening sockets are closed")

// Options say how an address is opened.
type Options struct {
	// Shared makes every slot the one same socket, also where slots of their
	// own are supported. Whoever is quickest then accepts a connection.
	Shared bool
	// Beside skips the question whether anybody listens on the port already,
	// where the answer is known to be the caller itself, on another address of
	// the same port.
	Beside bool
	// Steering is one of [SteerAuto], the default, [SteerLeast], [SteerWeighted],
	// [SteerRandom] and [SteerShared], which is the same as Shared.
	Steering string
}

// Sockets are the listening sockets of one address. On Linux each slot is a
// socket of its own with its own accept queue, and [Sockets.Steer] says which
// of them get new connections. Elsewhere all slots are one shared socket.
//
// A slot is opened when it is first asked for and closed only by Close: a
// socket closed earlier would take its accept queue and every handshake under
// way with it. Whatever serves a slot is a owner that may come and go.
//
// The sockets themselves are never registered with Go's poller, so that a
// process is not woken for slots it does not serve.
type Sockets struct {
	slots[socket]

	want    string // steering asked for
	used    string // steering in use
	why     string // they differ
	divided bool   // a slot was given to another process
	mixed   int    // the kernel numbers the first so many slots in an order that is not known
	// owners tells what there is in the slots, nil if nobody does. It is called
	// with asking held instead of mu.
	owners func(add func(slot int, t Owner))
	asking sync.Mutex
	// counts lie in the kernel; nil until divided, and where countsErr says why.
	counts    *counts
	countsErr error
	shown     atomic.Pointer[counts] // counts, for who does not hold mu
	drifts    map[int][]int64        // of the counts lately, by slot
	// balance and weights are those of [SteerWeighted].
	balance balance
	weights []float64
	watcher *watcher // nil while nothing is to be watched
	wg      sync.WaitGroup
}

// Open listens on address, which is written as for net.Listen, by opening slot
// 0. All connections go there until Steer is called. It fails when any other
// process listens on the port, also one that is willing to share it.
func Open(ctx context.Context, address string, opt Options) (*Sockets, error) {
	want, err := steeringOf(opt.Steering)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	if opt.Shared {
		want = SteerShared
	}
	shared := want == SteerShared || !slotsSupported
	first, addr, err := listen(ctx, address, !shared, !opt.Beside)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err // the rest of it says again where
		}
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	s := newSockets(want)
	s.addr, s.shared, s.list = addr, shared, []socket{first}
	// Later slots inherit the program of the group: attached now, it keeps
	// them without connections until they are steered to. A system that takes
	// no program is left with one socket for all.
	if !shared && s.attach([]int{0}) != nil {
		s.shared = true
	}
	return s, nil
}

func newSockets(want string) *Sockets {
	return &Sockets{slots: slots[socket]{bind: listen, opened: func() error { return nil }}, want: want, drifts: map[int][]int64{}}
}

// File is a duplicate of a slot's socket to be inherited by another process,
// which then serves the slot. Slots up to it are opened as needed. The caller
// closes the file as soon as it has been handed over.
func (s *Sockets) File(slot int) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, err := s.duplicate(slot)
	if err == nil {
		s.divide()
	}
	return f, err
}

// Share is what a process needs beside the file of a slot: the memory for
// [OpenCounter]. It is nil where there is nothing to share. The caller closes it as
// soon as it has been handed over.
func (s *Sockets) Share() (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.counts == nil {
		return nil, nil
	}
	f, err := s.counts.file()
	if err != nil {
		return nil, fmt.Errorf("counters of %s: %w", s.addr, err)
	}
	return f, nil
}

// Listener is a slot to be served in this process. Slots up to it are opened as
// needed. Closing the listener leaves the slot open.
func (s *Sockets) Listener(slot int) (net.Listener, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sock, err := s.at(slot)
	if err != nil {
		return nil, err
	}
	ln, err := sock.listener()
	if err != nil {
		return nil, fmt.Errorf("slot %d of %s: %w", slot, s.addr, err)
	}
	lent := &lentListener{TCPListener: ln, close: sock.release, counter: func() *Counter { return s.shown.Load().live(slot) }}
	s.lend(lent)
	return lent, nil
}

// Steer sends new connections to these slots only. The change is atomic: no
// connection sees neither the old nor the new choice. It does nothing when slots
// are shared.
func (s *Sockets) Steer(active []int) error { return s.steer(active, s.attach) }

// Queue is the number of connections that wait to be accepted from a slot, and
// the greatest number that may. It fails with errors.ErrUnsupported where the
// system does not tell.
func (s *Sockets) Queue(slot int) (waiting, limit int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(slot); err != nil {
		return 0, 0, err
	}
	if s.shared {
		slot = 0
	}
	if slot >= len(s.list) {
		return 0, 0, fmt.Errorf("slot %d of %s is not open", slot, s.addr)
	}
	return s.list[slot].queue()
}

// Quiesce lets handshakes under way finish and begins no new ones, so that the
// queues can be accepted empty before Close: a connection that the kernel has
// taken but nobody accepts would be reset. Who tries to connect meanwhile hears
// nothing and tries again, as after a lost packet, and then finds the port
// closed, or somebody else on it. It returns when no handshake is under way, or
// after two seconds. Only Linux can; elsewhere it does nothing.
func (s *Sockets) Quiesce() error {
	if err := s.each(quiesce); err != nil {
		return fmt.Errorf("quiesce %s: %w", s.addr, err)
	}
	// The client of a handshake whose last packet was lost takes itself for
	// connected: it would be reset by what it sends next.
	for began := time.Now(); halfOpen(s.addr) && time.Since(began) < handshakePatience; {
		time.Sleep(handshakeLook)
	}
	return nil
}

const (
	// handshakePatience is enough for a packet that was lost to be sent again,
	// which takes a second.
	handshakePatience = 1800 * time.Millisecond
	handshakeLook     = 20 * time.Millisecond
)

// Close closes every slot, and every duplicate given out that this process
// still holds. Connections that wait to be accepted are reset, unless another
// process still serves their slot.
func (s *Sockets) Close() error {
	defer s.wg.Wait() // without the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.watch(false)
	if s.counts != nil {
		s.counts.close()
	}
	return s.closeAll()
}

// lentListener is a slot served in this process.
type lentListener struct {
	*net.TCPListener
	close   func(*net.TCPListener) error
	counter func() *Counter

	mu   sync.Mutex
	done bool
}

// Unwrap is the listener below, for who sets its options.
func (l *lentListener) Unwrap() *net.TCPListener { return l.TCPListener }

// live is where the kernel counts its connections, if it does by now.
func (l *lentListener) live() *Counter { return l.counter() }

func (l *lentListener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return net.ErrClosed
	}
	l.done = true
	return l.close(l.TCPListener)
}

func (l *lentListener) returned() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done
}
