package plan

import (
	"slices"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

const (
	// longLivedAfter is how long a connection must have been busy to count as
	// long-lived.
	longLivedAfter = 5 * time.Second
	// streamAfter is the same for a request of HTTP/2 and HTTP/3, which may be a
	// stream; of HTTP/1.1 a streamed response is known for one.
	streamAfter = time.Second
	// maxLongLived is how many long-lived connections a plan names.
	maxLongLived = 20
)

// drains reports whether p has something wait for requests that are under way.
// What an update ends otherwise is overdue, and ends at once.
func (s Step) drains(p control.ListenerPlan) bool {
	return p.WorkersRetired > 0 || p.Drained > 0 && (s.Action != control.ListenerUpdated || s.leaving() != "")
}

// planDrain tells how long what drains may take and probably will, and what will
// have to be cut.
func (s Step) planDrain(p *control.ListenerPlan, now time.Time) {
	limit := s.drainLimit()
	p.Deadline = limit.String()
	if p.Drained == 0 {
		return
	}
	busy := s.busy()
	var oldest time.Duration
	if len(busy) > 0 {
		oldest = max(now.Sub(busy[0].Since), time.Millisecond)
		p.OldestRequest = oldest.Round(time.Millisecond).String()
	}
	longest := limit
	if longest == 0 { // nothing is ever cut
		longest = oldest
	}
	likely := min(oldest, longest).Round(time.Millisecond)
	for _, c := range busy {
		age := now.Sub(c.Since)
		if s.Action == control.ListenerUpdated || !outlasts(c, age, limit) {
			continue // an update waits for as long as it takes
		}
		if tookOver(c.Protocol) {
			likely = longest
		}
		if p.Cut++; len(p.LongLived) < maxLongLived {
			p.LongLived = append(p.LongLived, control.LongLived{
				Worker: c.Worker, Peer: c.Peer, Protocol: c.Protocol, Request: c.Request, Age: age.Round(time.Second).String(),
			})
		}
	}
	p.Likely = likely.String()
	if p.Cut > 0 && limit > 0 {
		say(p, message.New(message.PlanCut, message.Message{Code: p.Code, Args: p.Args, Text: p.Summary}, p.Cut, limit))
	}
}

// drainLimit is the shutdown timeout of the listener that drains; 0 if there is none.
func (s Step) drainLimit() time.Duration {
	return time.Duration(s.From.Listener.Timeouts.Shutdown)
}

// busy are the connections within a request that the step ends, the oldest
// request first.
func (s Step) busy() []control.Connection {
	busy := slices.DeleteFunc(slices.Clone(s.Seen.Connections), func(c control.Connection) bool {
		return c.State != "active" || s.Action != control.ListenerUpdated && !s.Retires(c.Worker)
	})
	slices.SortFunc(busy, func(a, b control.Connection) int { return a.Since.Compare(b.Since) })
	return busy
}

// moved counts the connections of retired processes that others take over: those
// of HTTP/1.1 in clear, as soon as they are between two requests.
func (s Step) moved(now time.Time) (n int) {
	if s.To.TLS != nil || s.leaving() != "" {
		return 0
	}
	for _, c := range s.Seen.Connections {
		if s.Retires(c.Worker) && c.Protocol == "http/1.1" && !stays(c, now, s.drainLimit()) {
			n++
		}
	}
	return n
}

// Replacement is what becomes of the connections of a listener when others
// replace the processes that serve it.
func Replacement(l config.Listener, connections []control.Connection, now time.Time) (p control.ReceiptPlan) {
	for _, c := range connections {
		switch {
		case stays(c, now, time.Duration(l.Timeouts.Shutdown)):
			p.Drained, p.Cut = p.Drained+1, p.Cut+1
		case c.Protocol != "http/1.1" || l.TLS != nil:
			p.Drained++
		}
	}
	return p
}

// stays reports whether a connection will probably still be within its request
// when a drain within limit is over.
func stays(c control.Connection, now time.Time, limit time.Duration) bool {
	return c.State == "active" && outlasts(c, now.Sub(c.Since), limit)
}

// outlasts reports whether a connection that has been busy for so long may still
// be so when a drain within limit is over; 0 is no limit.
func outlasts(c control.Connection, age, limit time.Duration) bool {
	switch {
	case tookOver(c.Protocol), age >= longLivedAfter, limit > 0 && age >= limit:
		return true
	case c.Protocol == "http/1.1":
		return c.Request != ""
	}
	return age >= streamAfter
}

// tookOver reports whether a connection was taken over from HTTP.
func tookOver(protocol string) bool { return protocol == "websocket" || protocol == "upgraded" }
