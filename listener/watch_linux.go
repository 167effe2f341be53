package listener

import (
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lookEvery is the time between two looks at the slots while connections
	// arrive. Weights that changed are put into effect at every second one at most.
	lookEvery   = 10 * time.Millisecond
	steerAtMost = 20 * time.Millisecond
	// quietLooks without any news end the looking, until the next connection.
	quietLooks = 5
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
	pace := time.NewTicker(lookEvery)
	defer pace.Stop()
	var steered time.Time
	for {
		pace.Reset(lookEvery)
		for quiet := 0; quiet < quietLooks; quiet++ {
			moved, ok := w.look(&steered)
			if !ok {
				return
			}
			if moved {
				quiet = -1
			}
			select {
			case <-pace.C:
			case <-w.quit:
				return
			}
		}
		pace.Stop()
		if !w.sleep(raw) {
			return
		}
	}
}

// look takes in how the slots are and steers by it. It says false for ok when
// watching is over.
func (w *watcher) look(steered *time.Time) (moved, ok bool) {
	found := w.s.ask()
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.watcher != w {
		return false, false
	}
	now := map[int]sight{}
	for _, slot := range w.s.active {
		now[slot] = sight{Tenant: found[slot], queue: int(w.s.waiting(slot))}
	}
	moved = w.s.balance.look(now)
	if time.Since(*steered) < steerAtMost {
		return true, true // what is not put into effect yet is not over
	}
	weights := w.s.balance.weights(w.s.active)
	if movedEnough(w.s.weights, weights) && steerWeighted(w.s.slots[0], w.s.active, weights) == nil {
		w.s.weights, *steered = weights, time.Now()
	}
	return moved, true
}

// sleep returns when a connection waits in a slot, or steering has changed; with
// false when watching is over.
func (w *watcher) sleep(raw syscall.RawConn) bool {
	if !w.arm() {
		return false
	}
	events := make([]unix.EpollEvent, 1)
	raw.Read(func(fd uintptr) bool {
		n, _ := unix.EpollWait(int(fd), events, 0)
		return n > 0
	})
	select {
	case <-w.quit:
		return false
	default:
		return true
	}
}

// arm has each slot report its next connection once.
func (w *watcher) arm() bool {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	if w.s.watcher != w {
		return false
	}
	w.epoll.SetReadDeadline(time.Time{}) // watch has called, and been heeded
	for slot, sock := range w.s.slots {
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
