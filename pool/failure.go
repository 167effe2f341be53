package pool

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// Kind says what a backend failed of.
type Kind uint8

// Kinds of failures. Their values are kept in [Counters.LastFailure].
const (
	KindNone        Kind = iota
	KindRefused          // it refuses connections
	KindNoAddress        // its name leads to no address
	KindUnreachable      // no network leads to it
	KindNoConnect        // it takes no connection in time, or in another way none
	KindOwnLimit         // this process may open no further connection
	KindClosed           // it closed the connection without an answer
	KindTimeout          // it stayed silent for ReadTimeout
	KindMalformed        // its answer is not HTTP/1.1, or one that was not asked for
	KindHeader           // the header of its answer exceeds MaxHeaderBytes
	KindBrokenOff        // its answer broke off
	KindStatus           // it answered with a status of 500 or more
	kinds
)

var kindWords = [kinds]struct{ word, text string }{
	KindNone:        {"none", "no failure"},
	KindRefused:     {"refused", "it refuses connections"},
	KindNoAddress:   {"no_address", "its name does not resolve"},
	KindUnreachable: {"unreachable", "it is unreachable"},
	KindNoConnect:   {"no_connection", "it did not accept a connection in time"},
	KindOwnLimit:    {"own_limit", "this process cannot open another connection"},
	KindClosed:      {"closed", "it closed the connection without an answer"},
	KindTimeout:     {"timeout", "it did not answer within read_timeout"},
	KindMalformed:   {"malformed", "its answer is malformed"},
	KindHeader:      {"header_too_large", "the header of its answer exceeds max_header_bytes"},
	KindBrokenOff:   {"broken_off", "its answer broke off"},
	KindStatus:      {"status", "it answered with a status of 500 or above"},
}

// String is the kind in one lower-case word.
func (k Kind) String() string { return kindWords[min(k, kinds-1)].word }

// Text is the kind as half a sentence about the backend.
func (k Kind) Text() string { return kindWords[min(k, kinds-1)].text }

// Failure is the last one of a backend.
type Failure struct {
	Kind Kind // KindNone if there was none
	At   time.Time
}

// kindBits are those of the kind in Counters.LastFailure; the time lies above, so
// that the larger number is the later failure.
const kindBits = 8

// Last is the last failure of the backend.
func (t Totals) Last() Failure {
	if t.LastFailure == 0 {
		return Failure{}
	}
	return Failure{Kind(t.LastFailure & (1<<kindBits - 1)), time.UnixMilli(int64(t.LastFailure >> kindBits))}
}

// failed counts a failure of b and tells of it.
func (p *Pool) failed(b *backend, kind Kind, err error) {
	b.counters.Errors.Add(1)
	p.noticed(b, kind, err)
}

// noticed remembers a failure of b that no request has met.
func (p *Pool) noticed(b *backend, kind Kind, err error) {
	b.counters.LastFailure.Store(uint64(time.Now().UnixMilli())<<kindBits | uint64(kind))
	if tell := p.onFailure.Load(); tell != nil && *tell != nil {
		(*tell)(b.name, kind, err)
	}
}

// kindOfConnect is what a connect failed of.
func kindOfConnect(err error) Kind {
	name := (*net.DNSError)(nil)
	switch {
	case ownFault(err):
		return KindOwnLimit
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused
	case errors.As(err, &name):
		return KindNoAddress
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return KindUnreachable
	}
	return KindNoConnect
}

// kindOfAttempt is what the attempt on c failed of that got no response.
func kindOfAttempt(c *conn, err error) Kind {
	switch {
	case errors.Is(err, ErrHeaderTooLarge):
		return KindHeader
	case c.timedOut(), errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	case c.err != nil && c.got == 0:
		return KindClosed
	case c.err != nil:
		return KindBrokenOff
	}
	return KindMalformed
}

// kindOfBody is what the body of a response on c failed of.
func kindOfBody(c *conn) Kind {
	switch {
	case c.timedOut():
		return KindTimeout
	case c.err == nil:
		return KindMalformed
	}
	return KindBrokenOff
}
