//go:build linux

package main

import (
	"sync"
	"time"
)

// ledger counts what the clients live through.
type ledger struct {
	verbose bool

	mu       sync.Mutex
	began    time.Time
	op       string // under way; "after X" between two
	ops      map[string]*opCount
	kinds    map[string]*kindCount
	failures map[failureKey]*failure
	// excuses are local addresses of connections that a killed worker held.
	excuses map[string]time.Time
}

// kindCount is what one kind of client has seen.
type kindCount struct {
	// Requests answered as they should be.
	Requests int `json:"requests"`
	// Connections made, and of these Left because the server announced its end.
	Connections int `json:"connections"`
	Left        int `json:"left"`
	// Moved are new connects to an address that the listener had left meanwhile.
	Moved int `json:"moved"`
	// Refused are requests that the server said it has not begun (GOAWAY with a
	// lower last stream, REFUSED_STREAM, H3_REQUEST_REJECTED).
	Refused int `json:"refused_cleanly"`
	// Stale are answers of an older config than the one in effect when the
	// request was sent.
	Stale int `json:"stale"`
	// IdleClosed are connections that the server closed between two requests,
	// unannounced but before the client sent more.
	IdleClosed int `json:"idle_closed"`
	// Slowest request.
	Slowest time.Duration `json:"slowest_ns"`
}

type opCount struct {
	Done    int `json:"done"`
	Refused int `json:"refused"`
	// Reason of the last refusal.
	Reason string        `json:"reason,omitempty"`
	Took   time.Duration `json:"took_ns"`
}

type failureKey struct {
	kind, cause, op string
	excused         bool
}

// failure is a request that was not answered as it should have been.
type failure struct {
	Kind  string `json:"kind"`
	Cause string `json:"cause"`
	Op    string `json:"operation"`
	// Excused failures were on a connection that a killed worker had accepted.
	Excused bool   `json:"excused"`
	Count   int    `json:"count"`
	First   string `json:"first"`
}

func newLedger(verbose bool) *ledger {
	return &ledger{verbose: verbose, began: time.Now(), op: "no operation", ops: map[string]*opCount{}, kinds: map[string]*kindCount{},
		failures: map[failureKey]*failure{}, excuses: map[string]time.Time{}}
}

// note changes the counts of a kind.
func (l *ledger) note(kind string, change func(*kindCount)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[kind]
	if k == nil {
		k = new(kindCount)
		l.kinds[kind] = k
	}
	change(k)
}

// answered counts a request that was answered well.
func (l *ledger) answered(kind string, since time.Time) {
	took := time.Since(since)
	l.note(kind, func(k *kindCount) {
		k.Requests++
		k.Slowest = max(k.Slowest, took)
	})
}

// stale counts an answer by older routes, and tells where it came from.
func (l *ledger) stale(kind, body, local string) {
	l.note(kind, func(k *kindCount) { k.Stale++ })
	if l.verbose {
		say("%8.3fs stale %s: %q (local %s)", time.Since(l.began).Seconds(), kind, body, local)
	}
}

// failed counts a request that failed on the connection with that local
// address, which may be empty.
func (l *ledger) failed(kind, cause, local string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, excused := l.excuses[local]
	key := failureKey{kind, cause, l.op, excused}
	f := l.failures[key]
	if f == nil {
		f = &failure{Kind: kind, Cause: cause, Op: l.op, Excused: excused, First: time.Since(l.began).Round(time.Millisecond).String()}
		l.failures[key] = f
	}
	f.Count++
	if l.verbose {
		say("%8.3fs FAILED %s: %s (%s, local %s, excused %v)", time.Since(l.began).Seconds(), kind, cause, l.op, local, excused)
	}
}

// clean reports whether no client has seen a failure.
func (l *ledger) clean() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.failures) == 0
}

// excuse names connections whose worker is about to be killed.
func (l *ledger) excuse(locals []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for addr, since := range l.excuses { // of clients that never noticed
		if now.Sub(since) > 2*time.Minute {
			delete(l.excuses, addr)
		}
	}
	for _, addr := range locals {
		l.excuses[addr] = now
	}
}

// closed forgets what a connection was excused for: its port may come again.
func (l *ledger) closed(local string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.excuses, local)
}

// during notes which operation is under way while f runs, and its outcome.
func (l *ledger) during(name string, f func() error) {
	l.under(name)
	began := time.Now()
	err := f()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.op = "after " + name
	o := l.ops[name]
	if o == nil {
		o = new(opCount)
		l.ops[name] = o
	}
	o.Took += time.Since(began)
	o.Done++
	if err != nil {
		o.Done--
		o.Refused++
		o.Reason = err.Error()
	}
	if l.verbose {
		say("%8.3fs %s, %v: %v", time.Since(l.began).Seconds(), name, time.Since(began).Round(time.Millisecond), err)
	}
}

func (l *ledger) under(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.op = name
}
