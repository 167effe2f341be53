package prefork

import (
	"fmt"
	"slices"
	"time"
)

const (
	// crashMemory is how long a crash is counted.
	crashMemory = 5 * time.Minute
	// mostCrashes are counted at most.
	mostCrashes = 1000
)

// crashed remembers how a process of this place ended that nobody had told to,
// and says how often that happened of late. mu is held.
func (pl *place) crashed(exit, tail string) (again string) {
	pl.lastExit, pl.lastOutput = exit, lastLines(tail)
	pl.crashes = append(pl.recentCrashes(), time.Now())
	pl.crashes = pl.crashes[max(0, len(pl.crashes)-mostCrashes):]
	if n := len(pl.crashes); n > 1 {
		again = fmt.Sprintf(", %d times in %s", n, short(time.Since(pl.crashes[0])))
	}
	return again
}

func (pl *place) recentCrashes() []time.Time {
	return slices.DeleteFunc(slices.Clone(pl.crashes), func(t time.Time) bool { return time.Since(t) > crashMemory })
}

// past is what a status says of the processes a place had before. mu is held.
func (pl *place) past() Status {
	s := Status{ID: pl.id, LastExit: pl.lastExit, LastOutput: pl.lastOutput}
	if recent := pl.recentCrashes(); len(recent) > 0 {
		s.Crashes, s.CrashesSince = len(recent), recent[0]
	}
	return s
}
