package prefork

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// writeTimeout is how long a peer may leave a frame unread.
	writeTimeout = 5 * time.Second
	// maxQueued is how many frames wait for a peer before more are refused.
	maxQueued = 256
)

// link is one end of the control socket. Frames are queued by anybody and
// written by one goroutine, run, so that nobody waits for a peer that does not
// read. One other goroutine receives.
type link struct {
	// broken is called by run when a write fails.
	broken func(error)

	wake chan struct{} // holds a token when run should look again

	mu     sync.Mutex // guards what follows
	queue  []outgoing
	closed bool
	paused chan struct{} // closed when all is written; nil unless frozen

	receivePaused atomic.Bool // receive ends between two frames
	begun         int         // bytes of the frame being received; of receive

	stray []int // descriptors received before their frame was complete; of receive
}

// outgoing is a frame on its way. All but the frame may be nil.
type outgoing struct {
	frame frame
	// conn is a connection whose descriptor goes with the frame. It stays open.
	conn any
	// given is set when the connection is one that was handed over.
	transfer *transfer
	// unsendable is called by run instead of ending the link when this frame
	// alone cannot be sent. The frame was not sent at all.
	unsendable func(error)
	// then is called by run when the frame has been written, or never will be.
	then func()
}

// errUnsendable is the end of one frame, not of its link: the connection that
// goes with it was closed meanwhile, or the kernel passes no more descriptors.
var errUnsendable = errors.New("cannot be sent")

// newLink returns a link that queues until it is run.
func newLink() *link {
	return &link{wake: make(chan struct{}, 1), broken: func(error) {}}
}

// send queues a frame. It reports false if the link is closed or its peer is
// too far behind.
func (l *link) send(o outgoing) bool {
	if o.conn != nil {
		o.frame.Files = 1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.paused != nil || len(l.queue) >= maxQueued {
		return false
	}
	l.queue = append(l.queue, o)
	l.nudge()
	return true
}

// close refuses further frames. Those queued are still written, if they can be.
func (l *link) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.nudge()
}

func (l *link) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run writes what is queued, until close or a failed write, and then closes the
// connection. What is queued after that is not written; nor is anything to a nil
// conn.
func (l *link) run(conn *net.UnixConn) {
	var failed error
	for {
		batch, closed := l.take()
		for _, o := range batch {
			if failed == nil {
				failed = l.write(conn, o)
			}
			if o.then != nil {
				o.then()
			}
		}
		if closed {
			if conn != nil {
				conn.Close()
			}
			return
		}
		if len(batch) == 0 {
			<-l.wake
		}
	}
}

// write sends o. It returns an error if nothing else can be sent, either.
func (l *link) write(conn *net.UnixConn, o outgoing) error {
	err := write(conn, o)
	if errors.Is(err, errUnsendable) && o.unsendable != nil {
		o.unsendable(err)
		return nil
	}
	if err != nil {
		l.close()
		l.broken(err)
	}
	return err
}

// take empties the queue. Once it reports closed, nothing is queued any more.
func (l *link) take() (batch []outgoing, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch, l.queue = l.queue, nil
	if len(batch) == 0 {
		l.wrote()
	}
	return batch, l.closed
}

// write sends one frame, with the descriptor of its connection attached to the
// first byte.
func write(conn *net.UnixConn, o outgoing) error {
	if conn == nil {
		return net.ErrClosed
	}
	b, err := o.frame.encode()
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsendable, err)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if o.conn == nil {
		_, err = conn.Write(b)
		return err
	}
	return pass(conn, b, o.conn)
}

func pass(conn *net.UnixConn, b []byte, c any) error {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%w: a connection without a descriptor", errUnsendable)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsendable, err)
	}
	n := 0
	closed := raw.Control(func(fd uintptr) {
		n, _, err = conn.WriteMsgUnix(b, rights(int(fd)), nil)
	})
	if closed != nil {
		return fmt.Errorf("%w: %w", errUnsendable, closed)
	}
	if n == 0 && isTooManyRefs(err) {
		return fmt.Errorf("%w: %w", errUnsendable, err)
	}
	if err != nil || n == len(b) {
		return err // writing nothing fails if the peer has taken all and gone
	}
	_, err = conn.Write(b[n:])
	return err
}

// receive reads the next frame from conn and the file that came with it. The
// file is nil, though announced, if this process has no descriptor left for it.
func (l *link) receive(conn *net.UnixConn) (frame, *os.File, error) {
	l.begun = 0
	f, err := readFrame(fdReader{conn, l})
	if err != nil {
		l.closeStray()
		return f, nil, err
	}
	if f.Files == 0 || len(l.stray) == 0 {
		l.closeStray()
		return f, nil, nil
	}
	file := os.NewFile(uintptr(l.stray[0]), f.Kind)
	l.stray = l.stray[1:]
	l.closeStray()
	return f, file, nil
}

func (l *link) closeStray() {
	for _, fd := range l.stray {
		os.NewFile(uintptr(fd), "stray").Close()
	}
	l.stray = nil
}

// fdReader reads bytes and keeps the descriptors that arrive with them.
type fdReader struct {
	conn *net.UnixConn
	link *link
}

func (w fdReader) Read(p []byte) (int, error) {
	var oob [64]byte
	if w.link.receivePaused.Load() && w.link.begun == 0 {
		return 0, errFrozen
	}
	n, oobn, _, _, err := w.conn.ReadMsgUnix(p, oob[:])
	if oobn > 0 {
		w.link.stray = append(w.link.stray, parseRights(oob[:oobn])...)
	}
	w.link.begun += max(n, 0)
	if errors.Is(err, os.ErrDeadlineExceeded) && w.link.receivePaused.Load() {
		return w.finish(p)
	}
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}

// finish reads on in a frame that had begun when the link was to be frozen.
func (w fdReader) finish(p []byte) (int, error) {
	if w.link.begun == 0 {
		return 0, errFrozen
	}
	if err := w.conn.SetReadDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	var oob [64]byte
	n, oobn, _, _, err := w.conn.ReadMsgUnix(p, oob[:])
	if oobn > 0 {
		w.link.stray = append(w.link.stray, parseRights(oob[:oobn])...)
	}
	return n, err
}

// errFrozen ends receiving between two frames.
var errFrozen = errors.New("the link is frozen")

// pause writes what is queued and refuses further frames. It reports false if
// the peer does not read them.
func (l *link) pause() bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return true
	}
	if l.paused == nil {
		l.paused = make(chan struct{})
	}
	paused := l.paused
	l.mu.Unlock()
	l.nudge()
	t := time.NewTimer(writeTimeout + time.Second)
	defer t.Stop()
	select {
	case <-paused:
		return true
	case <-t.C:
		return false
	}
}

// wrote tells that nothing is queued. mu is held.
func (l *link) wrote() {
	if l.paused == nil {
		return
	}
	select {
	case <-l.paused:
	default:
		close(l.paused)
	}
}

// resume ends what pause and receivePaused have begun.
func (l *link) resume() {
	l.receivePaused.Store(false)
	l.mu.Lock()
	l.paused = nil
	l.mu.Unlock()
}
