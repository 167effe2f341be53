package render

import (
	"strconv"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Connections writes a page of connections, each with its numbers.
func Connections(p *Page, found *control.Page, q control.Query, s *control.Snapshot) {
	if found.Total == 0 {
		p.Line("no such connections")
		return
	}
	var rows [][]string
	for _, o := range found.Connections {
		rows = append(rows, []string{o.Listener, strconv.Itoa(o.Worker), strconv.FormatUint(o.ID, 10), o.Peer, o.Protocol, o.State,
			since(o.Since, s.Time), since(o.Opened, s.Time), count(o.Requests), bytesize(o.BytesIn), bytesize(o.BytesOut), o.Request})
	}
	p.Table("LISTENER|>WORKER|>ID|PEER|PROTOCOL|STATE|>FOR|>OPEN|>REQUESTS|>IN|>OUT|BUSY WITH", rows)
	if shown := len(found.Connections); shown < found.Total {
		p.Line("%d to %d of %d", q.Offset+min(1, shown), q.Offset+shown, found.Total)
	}
}

// Events writes events in the order they come in.
func Events(p *Page, all []control.Event) {
	if len(all) == 0 {
		p.Line("no events")
		return
	}
	var rows [][]string
	for _, e := range all {
		rows = append(rows, []string{e.Time.Local().Format("2006-01-02 15:04:05"), e.Level, subject(e), e.Message, e.Actor})
	}
	p.Table("TIME|LEVEL|WHERE|WHAT|WHO", rows)
}

// subject is the listener, or the worker, an event is about.
func subject(e control.Event) string {
	if e.Worker != nil {
		return e.Listener + "/" + strconv.Itoa(*e.Worker)
	}
	return e.Listener
}
