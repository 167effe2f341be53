package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Listeners writes the numbers, failures and limits of each listener.
func Listeners(p *Page, s *control.Snapshot) {
	var numbers, failures, limits [][]string
	for _, l := range s.Listeners {
		numbers = append(numbers, []string{l.Name, l.Protocol, l.Address, l.State, workersOf(&l), steeringOf(&l),
			count(l.Connections.Active), count(l.Connections.Idle), count(l.Connections.Total),
			count(l.Connections.Refused), count(l.Connections.TimedOut), count(l.Requests), count(l.Errors),
			bytesize(l.BytesIn), bytesize(l.BytesOut), millis(l.Latency.P50), millis(l.Latency.P99)})
		t, m := l.Timeouts, l.Limits
		limits = append(limits, []string{l.Name, t.ReadHeader, t.Read, t.Write, t.Request, t.Response, t.Idle, t.Shutdown,
			limit(m.MaxConnections), limit(m.AcceptRate), rateOf(m.MinRate)})
		failures = append(failures, []string{l.Name, count(l.Failures.Client), count(l.Failures.Canceled),
			count(l.Failures.Server), count(l.Failures.Backend)})
	}
	p.Table("LISTENER|PROTO|ADDRESS|STATE|>WORKERS|STEERING|>ACTIVE|>IDLE|>TOTAL|>REFUSED|>TIMED OUT|>REQUESTS|>ERRORS|>IN|>OUT|>P50|>P99", numbers)
	reasons(p, s)
	p.Line("")
	p.Table("FAILED BY|>CLIENT|>CANCELED|>SERVER|>BACKEND", failures)
	p.Line("")
	p.Table("LISTENER|>READ HEADER|>READ|>WRITE|>REQUEST|>RESPONSE|>IDLE|>SHUTDOWN|>MAX CONNS|>ACCEPT RATE|>MIN RATE", limits)
}

// steeringOf is how connections are spread; where one process serves there is
// nothing to spread.
func steeringOf(l *control.ListenerInfo) string {
	if !l.Prefork {
		return "-"
	}
	return l.Steering
}

// workersOf writes ready/wanted; a listener in the master process has none.
func workersOf(l *control.ListenerInfo) string {
	if !l.Prefork {
		return "master"
	}
	return fmt.Sprintf("%d/%d", l.WorkersReady, l.WorkersWanted)
}

// rateOf writes the least rate of clients, as 240/s.
func rateOf(r control.MinRate) string {
	if r.Rate == 0 {
		return "-"
	}
	return bytesize(uint64(r.Rate)) + "/s"
}

// limit writes a bound; 0 is none.
func limit(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// Worker is one line of the workers command.
type Worker struct {
	Listener string `json:"listener"`
	control.WorkerInfo
}

// WorkersOf are the workers of listeners, with the name of each.
func WorkersOf(listeners []control.ListenerInfo) []Worker {
	var all []Worker
	for _, l := range listeners {
		for _, w := range l.Workers {
			all = append(all, Worker{l.Name, w})
		}
	}
	return all
}

// Workers writes a line per worker, and what is wrong with it or how long it drains.
func Workers(p *Page, all []Worker, now time.Time) {
	var rows [][]string
	for _, w := range all {
		rows = append(rows, []string{w.Listener, strconv.Itoa(w.ID), strconv.Itoa(w.PID), w.State, since(w.StartedAt, now),
			strconv.Itoa(w.Restarts), count(w.Connections.Active), count(w.Connections.Idle), count(w.Connections.Total),
			count(w.Requests), count(w.Errors), fmt.Sprintf("%.1fs", w.CPUSeconds), bytesize(w.MemoryBytes)})
	}
	p.Table("LISTENER|>ID|>PID|STATE|>AGE|>RESTARTS|>ACTIVE|>IDLE|>TOTAL|>REQUESTS|>ERRORS|>CPU|>MEMORY", rows)
	for _, w := range all {
		lastEnd(p, w, now)
		if w.DrainDeadline != nil {
			p.Line("%s worker %d is draining, for at most %s more", w.Listener, w.ID, Age(w.DrainDeadline.Sub(now)))
		}
	}
}

// lastEnd tells how the process before this one ended, how often that happened
// and what was printed last, or that this one hangs.
func lastEnd(p *Page, w Worker, now time.Time) {
	if w.HungSince != nil {
		p.Line("%s worker %d has had no heartbeat for %s", w.Listener, w.ID, since(*w.HungSince, now))
	}
	if w.LastExit == "" {
		return
	}
	often := ""
	if w.Crashes > 1 && w.CrashesSince != nil {
		often = fmt.Sprintf(", %d times in %s", w.Crashes, since(*w.CrashesSince, now))
	}
	p.Line("%s worker %d: previous process ended: %s%s", w.Listener, w.ID, w.LastExit, often)
	for line := range strings.Lines(w.LastOutput) {
		p.Line("  %s", strings.TrimRight(line, "\n"))
	}
}

// Pools writes a line per backend, and its last error.
func Pools(p *Page, s *control.Snapshot) {
	if len(s.Pools) == 0 {
		p.Line("no pools")
		return
	}
	var rows [][]string
	for _, pool := range s.Pools {
		for _, b := range pool.Backends {
			rows = append(rows, []string{pool.Name, b.Name, b.URL, b.State, strconv.Itoa(b.Weight),
				count(b.Connections.Active), count(b.Connections.Idle), count(b.Requests), count(b.Errors)})
		}
	}
	p.Table("POOL|BACKEND|URL|STATE|>WEIGHT|>ACTIVE|>IDLE|>REQUESTS|>ERRORS", rows)
	for _, pool := range s.Pools {
		for _, b := range pool.Backends {
			if e := b.LastError; e != nil {
				p.Line("%s/%s failed %s ago: %s", pool.Name, b.Name, since(e.At, s.Time), e.Message)
			}
		}
		if n := pool.Stats.WaitCount; n > 0 {
			p.Line("%s: %s had to wait for a connection, %s each", pool.Name, words.Count(n, "request"),
				millis(float64(pool.Stats.WaitDurationMS)/float64(n)))
		}
	}
}
