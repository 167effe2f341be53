package watch

import "time"

// signature tells two states of a path apart without reading the file. Equal
// signatures taken a clock tick of the file system apart mean the same bytes.
type signature struct {
	fault        string // why the path names no file, else ""
	dev, ino     uint64 // 0 where the system has none
	size         int64
	mtime, ctime int64 // ns; ctime is 0 where the system has none
}

// fresh says that the file changed so recently that another change might leave
// the signature as it is.
func (s signature) fresh(now time.Time) bool {
	const tick = int64(20 * time.Millisecond) // twice the longest there are
	age := now.UnixNano() - max(s.mtime, s.ctime)
	return -tick < age && age < tick
}

// pace decides when to look and when a file has been quiet for long enough. It
// reads no clock and touches no file.
type pace struct {
	quiet, max, poll time.Duration

	sig     signature
	pending bool      // changed since the last rest
	first   time.Time // the first change since the last rest
	changed time.Time // the last change
}

// saw notes what a look found.
func (p *pace) saw(sig signature, now time.Time) {
	if sig == p.sig && !p.changed.IsZero() {
		return
	}
	p.sig, p.changed = sig, now
	if !p.pending {
		p.pending, p.first = true, now
	}
}

// calm is how long the file has been unchanged, and not negative: now may be
// from before the look that found the change.
func (p *pace) calm(now time.Time) time.Duration { return max(0, now.Sub(p.changed)) }

// due says that the file should be read: it is quiet, or has not been for max.
func (p *pace) due(now time.Time) bool { return p.pending && !now.Before(p.dueAt()) }

func (p *pace) dueAt() time.Time {
	quiet, limit := p.changed.Add(p.quiet), p.first.Add(p.max)
	if limit.Before(quiet) {
		return limit
	}
	return quiet
}

// next is when to look again if nothing is heard before. A file that is due
// and still pending could not be read yet; as the end of that (a writer closing
// it) makes no event, it is looked at every quiet period.
func (p *pace) next(now time.Time) time.Time {
	switch {
	case !p.pending:
		return now.Add(p.poll)
	case p.due(now):
		return now.Add(p.quiet)
	}
	return p.dueAt()
}

// rest notes that the present state has been dealt with.
func (p *pace) rest() { p.pending = false }
