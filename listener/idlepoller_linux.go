package listener

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// idlePoller are the connections of a server that wait without a goroutine. One
// goroutine waits for all of them, by an epoll instance of their own that hangs
// below the one of Go's runtime. The zero value is ready; it starts with the
// first connection.
type idlePoller struct {
	mu      sync.Mutex
	stopped bool
	epoll   *os.File
	fd      int     // of epoll
	conns   []*conn // by the number that epoll knows them by
	free    []int
}

// add says false if c cannot rest.
func (r *idlePoller) add(c *conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.epoll == nil && !r.start() {
		return false
	}
	if len(r.free) == 0 {
		r.free = append(r.free, len(r.conns))
		r.conns = append(r.conns, nil)
	}
	index := r.free[len(r.free)-1]
	c.pollIndex = index
	r.conns[index] = c
	ok := r.control(c, unix.EPOLL_CTL_ADD)
	if !ok {
		r.conns[index] = nil
		return false
	}
	r.free = r.free[:len(r.free)-1]
	c.resting.Store(true) // before anybody can learn from epoll that it does
	return true
}

// remove is called once after add.
func (r *idlePoller) remove(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoll != nil {
		r.control(c, unix.EPOLL_CTL_DEL) // fails if c was closed, which removes it too
	}
	r.conns[c.pollIndex] = nil
	r.free = append(r.free, c.pollIndex)
}

func (r *idlePoller) control(c *conn, op int) bool {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return false
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT, Fd: int32(c.pollIndex)}
	failed := raw.Control(func(fd uintptr) { err = unix.EpollCtl(r.fd, op, int(fd), &event) })
	return failed == nil && err == nil
}

func (r *idlePoller) start() bool {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return false
	}
	unix.SetNonblock(fd, true)
	r.fd, r.epoll = fd, os.NewFile(uintptr(fd), "epoll")
	raw, err := r.epoll.SyscallConn()
	if err != nil {
		r.epoll.Close()
		r.epoll = nil
		return false
	}
	go r.run(raw)
	return true
}

// run wakes who has something to read, until stop.
func (r *idlePoller) run(raw syscall.RawConn) {
	events := make([]unix.EpollEvent, 128)
	for {
		var n int
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return
		}
		for _, e := range events[:n] {
			if c := r.in(int(e.Fd)); c != nil {
				c.s.wake(c)
			}
		}
	}
}

func (r *idlePoller) in(index int) *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conns[index]
}

// stop lets nobody rest any more. Those who do have been closed, or are by the
// caller.
func (r *idlePoller) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	if r.epoll != nil {
		r.epoll.Close()
		r.epoll = nil
	}
}
