package listener

import "sync/atomic"

// Fault says whose fault it is that a request failed.
type Fault uint8

// Faults. A request has at most one.
const (
	FaultNone Fault = iota
	// FaultClient is a malformed, too large or too slow request, or a client
	// that does not take its response.
	FaultClient
	// FaultCanceled is a client that left before its response was complete.
	FaultCanceled
	// FaultServer is a failure of our own: a status of 500 and above, a panic, a
	// response that broke off.
	FaultServer
	// FaultBackend is a failure of a backend that a handler asked.
	FaultBackend
)

var faultNames = [...]string{"none", "client", "canceled", "server", "backend"}

// String is the fault in one lower-case word.
func (f Fault) String() string { return faultNames[f] }

// Failures are failed requests by whose fault it was.
type Failures struct {
	Client, Canceled, Server, Backend uint64
}

// Errors are the failures that are not the client's own: the server's and those
// of backends.
func (f Failures) Errors() uint64 { return f.Server + f.Backend }

func (f Failures) combine(g Failures, op func(a, b uint64) uint64) Failures {
	return Failures{
		Client: op(f.Client, g.Client), Canceled: op(f.Canceled, g.Canceled),
		Server: op(f.Server, g.Server), Backend: op(f.Backend, g.Backend),
	}
}

// failures count as [Failures] does, in the order of the faults.
type failures [FaultBackend]atomic.Uint64

func (c *failures) add(f Fault) { c[f-1].Add(1) }

func (c *failures) load() Failures {
	return Failures{
		Client: c[FaultClient-1].Load(), Canceled: c[FaultCanceled-1].Load(),
		Server: c[FaultServer-1].Load(), Backend: c[FaultBackend-1].Load(),
	}
}

// Blame counts the request of x as failed, once: what is blamed first holds. A
// handler that answers for somebody else calls it before it answers: without it
// a status of 500 and above is the server's fault, whatever the reason.
func Blame(x Exchange, f Fault) {
	if b, ok := x.(interface{ blame(Fault) }); ok && f != FaultNone {
		b.blame(f)
	}
}

// blamed is whom the present request was blamed on. The first one counts, at once.
type blamed struct{ fault atomic.Uint32 }

func (b *blamed) set(f Fault, in *Counters) {
	if b.fault.CompareAndSwap(uint32(FaultNone), uint32(f)) {
		in.failures.add(f)
	}
}

// reset is for the next request. It writes only where something was blamed, so
// that good requests pay one load.
func (b *blamed) reset() {
	if b.fault.Load() != uint32(FaultNone) {
		b.fault.Store(uint32(FaultNone))
	}
}
