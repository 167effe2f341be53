//go:build linux

package prefork_test

import (
	"fmt"
	"testing"
	"time"
)

// A connection may be closed by its owner, as an operator or a deadline ends it,
// between the offer and the moment its descriptor would be sent.
func TestAConnectionClosedOnItsWayEndsAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.resize(2)
	before := r.pids()
	here, _ := accepted(t)
	here.Close()
	select {
	case err := <-r.give(here, "closed"):
		if err == nil {
			t.Error("a closed connection was handed over")
		}
	case <-time.After(10 * time.Second):
		t.Error("who offered it was not told")
	}
	for range 4 { // both workers still take connections
		open, client := accepted(t)
		fmt.Fprintln(client, "hello")
		if err := <-r.give(open, "open"); err != nil {
			t.Fatal(err)
		}
		answeredBy(t, client)
	}
	if after := r.pids(); after != before {
		t.Errorf("workers were %s, are %s", before, after)
	}
}

func (r *rig) pids() (text string) {
	for _, s := range r.ready() {
		text += fmt.Sprint(s.PID, " ")
	}
	return text
}
