package pool

import (
	"bufio"
	"errors"
	"time"
)

// upload sends the body of a request that is too large to be read before, on a
// goroutine of its own. So the answer of a backend that does not want the body is
// passed on while the client is still sending.
type upload struct {
	pool *Pool
	x    *exchange
	c    *conn

	armed   int64 // when the write deadline was set, in ticks
	done    chan struct{}
	err     error // once done is closed: why the body was not sent
	stopped chan struct{}
	interim []interim // responses that came meanwhile
}

// uploads reports whether the body of x is sent by an upload.
func (x *exchange) uploads() bool { return x.source != nil && x.ctx != nil }

var errStopped = errors.New("the rest of the request body is not wanted")

// upload sends x on c and reads the response, which may come first.
func (p *Pool) upload(x *exchange, c *conn) (reuse bool, err error) {
	u := &upload{pool: p, x: x, c: c, done: make(chan struct{}), stopped: make(chan struct{})}
	w := lendWriter(u)
	_ = x.writeProxied(w, c) // the buffer keeps an error
	c.upload = u
	c.client, c.due = nil, 0 // until it is sent neither the backend nor the client is late
	c.setAlarm(0)
	go u.run(w)
	c.await()
	reuse, err = p.read(x, c, lendReader(c))
	if c.upload != nil { // there was no response
		u.stop()
		c.upload = nil
	}
	switch {
	case u.err == nil:
		return reuse, err
	case err != nil && u.err != errStopped:
		err = u.err
	}
	x.unread = true
	return false, err
}

// run sends the body, and wakes who waits for the response.
func (u *upload) run(w *bufio.Writer) {
	err := w.Flush()
	if err == nil && u.x.length < 0 {
		err = u.x.copyChunked(w)
	} else if err == nil {
		err = u.x.copyFixed(w)
	}
	if err == nil {
		err = w.Flush()
	}
	returnWriter(w)
	if u.isStopped() {
		err = errStopped
	}
	u.err = err
	u.pool.uploaded(u.c.backend)
	_ = u.c.Conn.SetReadDeadline(past)
	close(u.done)
}

var past = time.Unix(1, 0)

func (u *upload) isStopped() bool {
	select {
	case <-u.stopped:
		return true
	default:
		return false
	}
}

// Write sends a part to the backend, which has ReadTimeout to take it.
func (u *upload) Write(p []byte) (int, error) {
	patience := u.x.limits.ReadTimeout
	if now := ticks(); patience > 0 && (u.armed == 0 || now-u.armed > int64(patience)/8) {
		u.armed = now
		_ = u.c.Conn.SetWriteDeadline(epoch.Add(time.Duration(now) + patience))
	}
	if u.isStopped() { // looked at behind the deadline, which stop sets behind this
		return 0, errStopped
	}
	return u.c.Conn.Write(p)
}

// stop ends the upload, wherever it waits.
func (u *upload) stop() {
	close(u.stopped)
	_ = u.c.Conn.SetWriteDeadline(past)
	client := u.x.ctx.Conn()
	_ = client.SetReadDeadline(past)
	<-u.done
	_ = client.SetReadDeadline(time.Time{})
}

// settle is called when the header of the response has come. A backend that
// refuses gets no more of the body; one that agrees, the rest of it.
func (u *upload) settle(status int) {
	select {
	case <-u.done:
	default:
		if status >= 300 {
			u.stop()
		}
		<-u.done
	}
	u.c.uploaded(u)
}

// uploaded has the connection wait for the response when nothing of the request is
// left to be sent, and reports whether there may be one. A backend that stopped
// reading may have said why.
func (c *conn) uploaded(u *upload) bool {
	now := ticks()
	c.upload, c.client, c.begun = nil, u.x.client, now
	for _, i := range u.interim {
		c.client.Inform(i.status, i.header)
	}
	switch {
	case u.err == nil || u.err == errStopped:
	case clientFault(u.err):
		c.note(u.err)
		return false
	default:
		c.patience = time.Second
	}
	c.rearm(now)
	c.setAlarm(c.nextAlarm(now)) // also if it was the same before
	return c.err == nil
}
