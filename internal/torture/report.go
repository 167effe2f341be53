//go:build linux

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// report is the outcome of a run.
type report struct {
	Seed    uint64                `json:"seed"`
	Seconds float64               `json:"seconds"`
	Version string                `json:"version"`
	Kinds   map[string]*kindCount `json:"clients"`
	Ops     map[string]*opCount   `json:"operations"`
	// Failures by kind, cause and operation.
	Failures []failure `json:"failures"`
	// Notes are what was left out, and what was found wrong besides requests.
	Notes []note `json:"notes"`
}

// note is a remark; a wrong one fails the run.
type note struct {
	Wrong bool   `json:"wrong"`
	Text  string `json:"text"`
}

func (l *ledger) report() *report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &report{Kinds: l.kinds, Ops: l.ops, Failures: []failure{}}
	for _, f := range l.failures {
		r.Failures = append(r.Failures, *f)
	}
	slices.SortFunc(r.Failures, func(a, b failure) int { return b.Count - a.Count })
	return r
}

// Requests of all kinds that were answered well.
func (r *report) requests() (n int) {
	for _, k := range r.Kinds {
		n += k.Requests
	}
	return n
}

// failed requests: those that a killed worker had accepted, and all others.
func (r *report) failed() (excused, others int) {
	for _, f := range r.Failures {
		if f.Excused {
			excused += f.Count
		} else {
			others += f.Count
		}
	}
	return excused, others
}

// verdict lists what must not have happened.
func (r *report) verdict() (wrong []string) {
	if _, n := r.failed(); n > 0 {
		wrong = append(wrong, fmt.Sprintf("%d requests failed", n))
	}
	for name, o := range r.Ops {
		if o.Refused > 0 {
			wrong = append(wrong, fmt.Sprintf("%s was refused %d times: %s", name, o.Refused, o.Reason))
		}
	}
	for _, n := range r.Notes {
		if n.Wrong {
			wrong = append(wrong, n.Text)
		}
	}
	slices.Sort(wrong)
	return wrong
}

func (r *report) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(tw, "seed %d, %.0f s, %s\n\n", r.Seed, r.Seconds, r.Version)
	fmt.Fprintln(tw, "clients\tanswered\tconnections\tasked to leave\tmoved\trefused cleanly\tstale\tclosed idle\tslowest")
	for _, name := range slices.Sorted(maps.Keys(r.Kinds)) {
		k := r.Kinds[name]
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", name, k.Requests, k.Connections, k.Left, k.Moved, k.Refused, k.Stale,
			k.IdleClosed, k.Slowest.Round(time.Millisecond))
	}
	fmt.Fprintf(tw, "all\t%d\n\n", r.requests())
	fmt.Fprintln(tw, "operations\tdone\trefused\tmean")
	for _, name := range slices.Sorted(maps.Keys(r.Ops)) {
		o := r.Ops[name]
		fmt.Fprintf(tw, "%s\t%d\t%d\t%s\n", name, o.Done, o.Refused, (o.Took / time.Duration(max(1, o.Done+o.Refused))).Round(time.Millisecond))
	}
	excused, others := r.failed()
	fmt.Fprintf(tw, "\nfailed: %d; besides %d on connections that killed workers had accepted\n", others, excused)
	for _, f := range r.Failures {
		of := ""
		if f.Excused {
			of = "killed worker's"
		}
		fmt.Fprintf(tw, "  %d ×\t%s\t%s\t%s\tfirst at %s\t%s\n", f.Count, f.Kind, f.Cause, f.Op, f.First, of)
	}
	tw.Flush()
	for _, n := range r.Notes {
		fmt.Fprintln(w, n.Text)
	}
	for _, v := range r.verdict() {
		fmt.Fprintln(w, "WRONG:", v)
	}
}
