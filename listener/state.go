package listener

import (
	"fmt"
	"time"
)

// State is the phase a connection is in.
type State uint8

// States of a connection, in the order in which it passes through them. From
// Idle it returns to Header.
const (
	StateNew      State = iota // accepted, has sent nothing yet
	StateHeader                // within a request header
	StateBody                  // within a request body
	StateResponse              // the request is complete, its response is not
	StateIdle                  // between requests
	StateHijacked              // taken over by a handler, no longer HTTP
	StateClosing               // no longer served, its last bytes are on the way
	StateStreams               // HTTP/2: at least one request is open
)

var stateNames = [...]string{"new", "header", "body", "response", "idle", "hijacked", "closing", "streams"}

// String is the state in one lower-case word.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Active says whether a connection in this state is within a request. The
// others count as idle.
func (s State) Active() bool { return s != StateNew && s != StateIdle }

// MarshalText writes the state as its word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a connection state", text)
}

// evictReason is why the sweeper wants a connection to end or park. It is a request: the
// goroutine that serves the connection is woken, looks whether something has
// arrived meanwhile, and decides.
type evictReason uint8

const (
	evictNone    evictReason = iota
	evictOverdue             // its time is over
	evictLeave               // the server is going away
	evictPark                // idle for long enough to give its buffers back
)

// phase packs state, eviction reason and the beginning of the state into one word, so
// that an eviction can never hit another state than the one that was looked at.
type phase uint64

const phaseShift = 5 // three bits of state, two of reason

func newPhase(s State, since int64) phase   { return phase(since)<<phaseShift | phase(s) }
func (p phase) state() State                { return State(p & 7) }
func (p phase) reason() evictReason         { return evictReason(p >> 3 & 3) }
func (p phase) since() int64                { return int64(p) >> phaseShift }
func (p phase) with(c evictReason) phase    { return p&^(3<<3) | phase(c)<<3 }
func (p phase) age(now int64) time.Duration { return time.Duration(now - p.since()) }

var epoch = time.Now()

// ticks is the monotonic time since the process began, in nanoseconds.
func ticks() int64 { return int64(time.Since(epoch)) }

func timeOf(ticks int64) time.Time { return epoch.Add(time.Duration(ticks)) }
