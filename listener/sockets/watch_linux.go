package sockets

import (
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// steerAtMost is the least time between two changes of the program.
	steerAtMost = 20 * time.Millisecond
	// After quietLooks without any news looks come slowly, and after slowLooks
	// more they end, until the next connection.
	quietLooks = 10
	slowLooks  = 10
	slowly     = 50 * time.Millisecond
)

// watcher keeps the weights of a [Sockets] up to date. While nothing arrives it
// sleeps, without a timer: an epoll instance tells of the first connection that
// waits in any slot.
type watcher struct {
	s     *Sockets
	epoll *os.File
	fd    int // of epoll
	added int // slots it knows
	quit  chan struct{}
	// called is set when it should look before it sleeps; the sockets' mu guards it.
	called bool

	// run alone uses these.
	looked, steered time.Time // last
}

// watch begins or ends watching, and has a watcher look at once. s.mu is held.
func (s *Sockets) watch(on bool) {
	switch {
	case !on && s.watcher != nil:
		close(s.watcher.quit)
		s.watcher.epoll.Close()
		s.watcher = nil
	case on && s.watcher == nil:
		if w := newWatcher(s); w != nil {
			s.watcher = w
			s.wg.Go(w.run)
		}
	case on:
		s.watcher.called = true
		s.watcher.epoll.SetReadDeadline(time.Unix(1, 0))
	}
}

// newWatcher is nil if the process has no descriptor left: weights then stay as
// they are until the next steering.
func newWatcher(s *Sockets) *watcher {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil
	}
	unix.SetNonblock(fd, true)
	return &watcher{s: s, epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, quit: make(chan struct{})}
}

func (w *watcher) run() {
	raw, err := w.epoll.SyscallConn()
	if err != nil {
		return
	}
	pace := time.NewTimer(lookEvery)
	defer pace.Stop()
	for quiet := 0; ; quiet++ {
		moved, ok := w.look()
		switch {
		case !ok:
			return
		case moved:
			quiet = 0
		}
		switch {
		case quiet >= quietLooks+slowLooks:
			w.sleep(raw, time.Time{})
		case quiet >= quietLooks:
			w.sleep(raw, time.Now().Add(slowly))
		default:
			pace.Reset(lookEvery)
			select {
			case <-pace.C:
			case <-w.quit:
				return
			}
		}
	}
}

// look takes in how the slots are and steers by it. It says false for ok when
// watching is over.
func (w *watcher) look() (moved, ok bool) {
	found := w.s.ask()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.watcher != w {
		return false, false
	}
	now := map[int]sample{}
	for _, slot := range w.s.active {
		now[slot] = sample{Owner: found[slot], queue: int(w.s.waiting(slot))}
	}
	moved = w.s.balance.look(now, time.Since(w.looked))
	w.looked = time.Now()
	if time.Since(w.steered) < steerAtMost {
		return true, true // what is not put into effect yet is not over
	}
	weights := w.s.balance.weights(w.s.active)
	if movedEnough(w.s.weights, weights) && steerWeighted(w.s.list[0], w.s.active, weights) == nil {
		w.s.weights, w.steered = weights, time.Now()
	}
	return moved, true
}

// sleep returns when a connection waits in a slot, when steering has changed or
// ends, or at that time unless it is zero.
func (w *watcher) sleep(raw syscall.RawConn, until time.Time) {
	if !w.arm(until) {
		return
	}
	events := make([]unix.EpollEvent, 1)
	raw.Read(func(fd uintptr) bool {
		n, _ := unix.EpollWait(int(fd), events, 0)
		return n > 0
	})
}

// arm has each slot report its next connection once. It says false if there is
// news already.
func (w *watcher) arm(until time.Time) bool {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.watcher != w || w.called {
		w.called = false
		return false
	}
	w.epoll.SetReadDeadline(until)
	for slot, sock := range w.s.list {
		event := unix.EpollEvent{Fd: int32(slot), Events: unix.EPOLLONESHOT}
		if slices.Contains(w.s.active, slot) {
			event.Events |= unix.EPOLLIN
		}
		op := unix.EPOLL_CTL_MOD
		if slot >= w.added {
			op, w.added = unix.EPOLL_CTL_ADD, slot+1
		}
		unix.EpollCtl(w.fd, op, sock.fd, &event)
	}
	return true
}
