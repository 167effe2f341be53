package runtime

import "github.com/echterhof/rockstar-tui/listener"

// ServerStats are the counts of a server, all its worker processes together.
// The first three are gauges or count up as said; the others count up from the
// server's start.
type ServerStats struct {
	// ActiveConnections are open and within a request, at this moment.
	ActiveConnections int64 `json:"active_connections"`
	// TotalConnections counts every connection ever accepted.
	TotalConnections int64 `json:"total_connections"`
	// IdleConnections are open and between requests, at this moment.
	IdleConnections int64 `json:"idle_connections"`

	// Requests received, and Errors among them: those that failed by our fault
	// or a backend's, which is Failures.Server and Failures.Backend.
	Requests int64 `json:"requests"`
	Errors   int64 `json:"errors"`
	// Failures are all requests that failed, by whose fault it was.
	Failures FailureStats `json:"failures"`
	// RefusedConnections were answered with 503 because of MaxConnections,
	// TimedOutConnections ended by a timeout.
	RefusedConnections  int64 `json:"refused_connections"`
	TimedOutConnections int64 `json:"timed_out_connections"`
	// BytesIn and BytesOut were read from and written to connections.
	BytesIn  int64 `json:"bytes_in"`
	BytesOut int64 `json:"bytes_out"`
}

// FailureStats are requests that failed, by whose fault it was. Each is counted
// once.
type FailureStats struct {
	// Client requests were malformed, too large or too slow, or their response
	// was not taken in time.
	Client int64 `json:"client"`
	// Canceled requests lost their client before they were answered whole.
	Canceled int64 `json:"canceled"`
	// Server failures are statuses of 500 and above, panics, and responses that
	// broke off.
	Server int64 `json:"server"`
	// Backend failures are those of a pool's backend, such as a 502.
	Backend int64 `json:"backend"`
}

// Stats counts all workers together, whichever process asks: a worker knows its
// own numbers as they are now, and those of its siblings as they were a twentieth of a
// second ago.
func (s *Server) Stats() ServerStats {
	if w := s.worker.Load(); w != nil {
		return statsOf(w.Board().Totals())
	}
	if m := s.present(); m != nil {
		return statsOf(m.Totals())
	}
	return ServerStats{}
}

func statsOf(t listener.Totals) ServerStats {
	return ServerStats{
		ActiveConnections: int64(t.Active), TotalConnections: int64(t.Accepted), IdleConnections: int64(t.Idle),
		Requests: int64(t.Requests), Errors: int64(t.Errors()),
		Failures: FailureStats{
			Client: int64(t.Failures.Client), Canceled: int64(t.Failures.Canceled),
			Server: int64(t.Failures.Server), Backend: int64(t.Failures.Backend),
		},
		RefusedConnections: int64(t.Refused), TimedOutConnections: int64(t.TimedOut),
		BytesIn: int64(t.BytesIn), BytesOut: int64(t.BytesOut),
	}
}
