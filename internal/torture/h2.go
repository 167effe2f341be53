//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
)

// streams side by side on a connection of an HTTP/2 client.
const streamsPerConn = 4

// http2 posts bodies that take their time, on several streams of a connection,
// until the server asks to leave.
func (c *client) http2(ctx context.Context) {
	conn := c.dial(ctx)
	if conn == nil {
		return
	}
	defer c.hangUp(conn)
	t := c.handshake(conn, "h2")
	if t == nil {
		return
	}
	conn.SetDeadline(time.Time{}) // requests have their own
	h, err := newH2Conn(t, conn)
	if err != nil {
		c.ledger.failed(c.kind, "preface: "+rawclient.Cause(err), h.local)
		return
	}
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		h.read()
	}()
	var streams sync.WaitGroup
	lifetime := 20 + c.rng.IntN(200) // requests of each stream
	for i := range streamsPerConn {
		// A stream's state must not be shared with its siblings.
		sibling := *c
		sibling.rng = rand.New(rand.NewPCG(c.rng.Uint64(), uint64(i)))
		streams.Go(func() {
			for range lifetime {
				sibling.think(ctx)
				if ctx.Err() != nil || !sibling.post(ctx, h) {
					return
				}
			}
		})
	}
	streams.Wait()
	c.ledger.note(c.kind, func(k *kindCount) {
		switch leaving, endedIdle := h.outcome(); {
		case leaving:
			k.Left++
		case endedIdle:
			k.IdleClosed++
		}
	})
	conn.Close()
	<-reading
}

// post sends one request, whose body is under way for a while, and reports
// whether the connection can take another.
func (c *client) post(ctx context.Context, h *h2Conn) bool {
	q := c.next()
	if c.rng.IntN(2) == 0 {
		q = c.echo(q)
	}
	st, err := h.open(q)
	if err != nil {
		if !errors.Is(err, errLeaving) {
			c.ledger.failed(c.kind, "request: "+rawclient.Cause(err), h.local)
		}
		return false
	}
	for rest := []byte(q.body); len(rest) > 0 && err == nil; {
		n := min(len(rest), 1+c.rng.IntN(700))
		c.rest(ctx, time.Duration(c.rng.IntN(8))*time.Millisecond)
		err = h.send(st, rest[:n], n == len(rest))
		rest = rest[n:]
	}
	if err == nil {
		err = st.wait(patience)
	}
	switch {
	case errors.Is(err, errNotBegun):
		c.ledger.note(c.kind, func(k *kindCount) { k.Refused++ })
		return false
	case err != nil:
		c.ledger.failed(c.kind, "stream: "+rawclient.Cause(err), h.local)
		return false
	}
	c.conclude(q, st.status, st.body.String(), h.local)
	return true
}

var (
	errLeaving  = errors.New("the server asked to leave")
	errNotBegun = errors.New("the server has not begun this request")
)

// h2Conn is a client's end of an HTTP/2 connection that retries nothing.
type h2Conn struct {
	local string

	// wmu orders what is written, and with it the numbers of streams.
	wmu    sync.Mutex
	framer *http2.Framer
	header *hpack.Encoder
	block  bytes.Buffer

	mu      sync.Mutex
	more    *sync.Cond // room to send, or an end
	streams map[uint32]*h2Stream
	next    uint32
	last    uint32 // that the server will answer
	goaway  bool
	room    int64 // of the connection
	initial int64 // room of a new stream
	err     error
	// endedIdle is whether it ended with no request open.
	endedIdle bool
}

// h2Stream is one request.
type h2Stream struct {
	id     uint32
	room   int64
	status int
	body   bytes.Buffer
	done   chan struct{}
	err    error
}

// newH2Conn begins the conversation. On an error it is good for its address only.
func newH2Conn(rw io.ReadWriter, conn net.Conn) (*h2Conn, error) {
	h := &h2Conn{local: conn.LocalAddr().String(), streams: map[uint32]*h2Stream{}, next: 1, last: math.MaxInt32, room: 65535, initial: 65535}
	h.more = sync.NewCond(&h.mu)
	h.header = hpack.NewEncoder(&h.block)
	h.framer = http2.NewFramer(rw, rw)
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(rw, http2.ClientPreface); err != nil {
		return h, err
	}
	return h, h.framer.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 0})
}

// open begins a request.
func (h *h2Conn) open(q request) (*h2Stream, error) {
	h.wmu.Lock()
	defer h.wmu.Unlock()
	st, err := h.enter()
	if err != nil {
		return nil, err
	}
	h.block.Reset()
	fields := [][2]string{{":method", q.method}, {":scheme", "https"}, {":authority", "torture"}, {":path", q.path}}
	if q.body != "" {
		fields = append(fields, [2]string{"content-length", strconv.Itoa(len(q.body))})
	}
	for _, f := range fields {
		h.header.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	err = h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: st.id, BlockFragment: h.block.Bytes(), EndHeaders: true, EndStream: q.body == ""})
	return st, err
}

// enter takes the next number.
func (h *h2Conn) enter() (*h2Stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.goaway || h.err != nil { // its streams have counted that, if there were any
		return nil, errLeaving
	}
	st := &h2Stream{id: h.next, room: h.initial, done: make(chan struct{})}
	h.next += 2
	h.streams[st.id] = st
	return st, nil
}

// send writes a part of a body, once there is room for it.
func (h *h2Conn) send(st *h2Stream, part []byte, last bool) error {
	h.mu.Lock()
	n := int64(len(part))
	for st.err == nil && (h.room < n || st.room < n) {
		h.more.Wait()
	}
	err := st.err
	h.room -= n
	st.room -= n
	h.mu.Unlock()
	if err != nil {
		return err
	}
	h.wmu.Lock()
	defer h.wmu.Unlock()
	if err := h.framer.WriteData(st.id, last, part); err != nil {
		h.end(fmt.Errorf("write: %w", err))
		return h.streamError(st)
	}
	return nil
}

// streamError is why a stream ended: what the reader knows is better than a
// broken pipe.
func (h *h2Conn) streamError(st *h2Stream) error {
	<-st.done
	return st.err
}

func (st *h2Stream) wait(patience time.Duration) error {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-st.done:
		return st.err
	case <-t.C:
		return context.DeadlineExceeded
	}
}

// outcome is how the server ended the connection, if it did.
func (h *h2Conn) outcome() (leaving, endedIdle bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.goaway, h.endedIdle
}

// read takes what the server sends until the connection ends.
func (h *h2Conn) read() {
	for {
		f, err := h.framer.ReadFrame()
		if err == nil {
			err = h.take(f)
		}
		if err != nil {
			h.end(err)
			return
		}
	}
}

// take acts on a frame.
func (h *h2Conn) take(f http2.Frame) error {
	switch f := f.(type) {
	case *http2.SettingsFrame:
		return h.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			return h.write(func() error { return h.framer.WritePing(true, f.Data) })
		}
	case *http2.WindowUpdateFrame:
		h.mu.Lock()
		if st := h.streams[f.StreamID]; st != nil {
			st.room += int64(f.Increment)
		} else if f.StreamID == 0 {
			h.room += int64(f.Increment)
		}
		h.mu.Unlock()
		h.more.Broadcast()
	case *http2.MetaHeadersFrame:
		h.answered(f.StreamID, func(st *h2Stream) { st.status, _ = strconv.Atoi(f.PseudoValue("status")) }, f.StreamEnded())
	case *http2.DataFrame:
		h.answered(f.StreamID, func(st *h2Stream) { st.body.Write(f.Data()) }, f.StreamEnded())
		if n := f.Length; n > 0 {
			return h.write(func() error { return h.framer.WriteWindowUpdate(0, n) })
		}
	case *http2.RSTStreamFrame:
		err := fmt.Errorf("reset by the server: %v", f.ErrCode)
		if f.ErrCode == http2.ErrCodeRefusedStream {
			err = errNotBegun
		}
		h.drop(f.StreamID, err)
	case *http2.GoAwayFrame:
		return h.leave(f)
	}
	return nil
}

func (h *h2Conn) write(f func() error) error {
	h.wmu.Lock()
	defer h.wmu.Unlock()
	return f()
}

func (h *h2Conn) settings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		h.mu.Lock()
		for _, st := range h.streams {
			st.room += int64(v) - h.initial
		}
		h.initial = int64(v)
		h.mu.Unlock()
		h.more.Broadcast()
	}
	return h.write(h.framer.WriteSettingsAck)
}

func (h *h2Conn) answered(id uint32, with func(*h2Stream), last bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	st := h.streams[id]
	if st == nil {
		return
	}
	with(st)
	if last {
		delete(h.streams, id)
		close(st.done)
	}
}

// drop ends a stream with an error. Callers do not hold mu.
func (h *h2Conn) drop(id uint32, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if st := h.streams[id]; st != nil {
		st.err = err
		delete(h.streams, id)
		close(st.done)
	}
	h.more.Broadcast()
}

// leave takes no more requests, and gives up those the server will not answer.
func (h *h2Conn) leave(f *http2.GoAwayFrame) error {
	if f.ErrCode != http2.ErrCodeNo {
		return fmt.Errorf("GOAWAY with %v", f.ErrCode)
	}
	h.mu.Lock()
	h.goaway, h.last = true, f.LastStreamID
	var late []uint32
	for id := range h.streams {
		if id > f.LastStreamID {
			late = append(late, id)
		}
	}
	h.mu.Unlock()
	for _, id := range late {
		h.drop(id, errNotBegun)
	}
	return nil
}

// end fails all that is open: the connection is no more.
func (h *h2Conn) end(err error) {
	h.mu.Lock()
	if h.err == nil {
		h.err = err
		h.endedIdle = len(h.streams) == 0
	}
	if h.goaway {
		err = fmt.Errorf("lost after GOAWAY, though within its last stream: %s", rawclient.Cause(err))
	}
	var open []uint32
	for id := range h.streams {
		open = append(open, id)
	}
	h.mu.Unlock()
	for _, id := range open {
		h.drop(id, err)
	}
}
