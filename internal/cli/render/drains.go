package render

import (
	"strconv"
	"time"
)

// Draining is one process that drains, as it is printed.
type Draining struct {
	Listener    string     `json:"listener"`
	Worker      int        `json:"worker"`
	PID         int        `json:"pid"`
	Connections uint64     `json:"connections"`
	Deadline    *time.Time `json:"drain_deadline"`
}

// Drains writes the processes that drain.
func Drains(p *Page, all []Draining, now time.Time) {
	if len(all) == 0 {
		p.Line("nothing is draining")
		return
	}
	var rows [][]string
	for _, d := range all {
		rows = append(rows, []string{d.Listener, strconv.Itoa(d.Worker), strconv.Itoa(d.PID),
			count(d.Connections), Age(max(0, d.Deadline.Sub(now)))})
	}
	p.Table("LISTENER|>WORKER|>PID|>CONNECTIONS|>AT MOST", rows)
}
