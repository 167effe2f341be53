// Package watch tells when the content of one file has settled: once per save,
// however the save was made, and with all of it.
//
// Editors, config tools and Kubernetes write files in a dozen different ways.
// What they have in common is an end: the path names a file that nobody writes
// to any more. [File] waits for that end, reads the file in one go, and calls
// back if the bytes differ from what it delivered before. File events only
// wake it; what decides is the state of the file itself, so a lost, doubled or
// misleading event changes nothing.
//
// That nobody writes any more is known on Linux, on a local file system, for
// files of the user the process runs as, or with CAP_LEASE. Elsewhere it is
// assumed once the file has been left alone for a second; a writer that
// pauses for longer than that is read by half, and again when it goes on.
package watch

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"time"
)

// Content is what the file holds once it has settled, or why that cannot be
// told.
type Content struct {
	// Data are the bytes of the file, nil with Err. They belong to the receiver.
	Data []byte
	// Hash is the SHA-256 of Data.
	Hash [sha256.Size]byte
	// Recovered marks the first content after an Err, also when it is the same
	// as before the failure: time to clear the alarm.
	Recovered bool
	// Err says in one line why there is no content: the file is missing,
	// unreadable, empty, too large or not a file. It wraps fs.ErrNotExist,
	// fs.ErrPermission, [ErrEmpty], [ErrTooLarge] or [ErrNotRegular].
	Err error
}

// Options of [File]. The zero value delivers whatever the file holds, and warns nobody.
type Options struct {
	// Known is the hash of the content already loaded, which is then not
	// delivered again. Zero delivers the first content found.
	Known [sha256.Size]byte
	// Seen, if set, tells the hash of what was last read of the file, by fn or
	// otherwise: only other content is delivered. It may be called from the
	// goroutine of File. Without it that is what was last delivered.
	Seen func() [sha256.Size]byte
	// Warn, if set, is told from the goroutine of File about polling instead of
	// events, a file mounted by itself, a file that does not come to rest or was
	// taken from under an idle writer.
	Warn func(message string)
}

// tuning are the times and the means of a watch.
type tuning struct {
	// Quiet is how long the file must be unchanged before it is read.
	Quiet time.Duration
	// Max bounds the wait for Quiet where changes never pause, as long as it is
	// known that no writer has the file open.
	Max time.Duration
	// Patience is the quiet time asked for where the end of a save is harder to
	// tell: the file is missing, empty or unreadable, which is how some saves
	// begin, or the system does not say whether a writer still has it open.
	Patience time.Duration
	// Stall is how long a writer may keep the file open without changing it
	// before the content is taken as it is; a forgotten open file must not
	// blind the watch for ever. It is also when a file that does not come to
	// rest is warned about.
	Stall time.Duration
	// Poll is the time between two looks at the file when nothing is heard of
	// it: the safety net under the events, and the only source without them.
	Poll time.Duration
	// MaxSize in bytes; a larger file is an Err.
	MaxSize int64
	// NoEvents only polls, NoLease does not ask who has the file open: so it is
	// where the system does not tell.
	NoEvents, NoLease bool
}

var usual = tuning{
	Quiet: 120 * time.Millisecond, Max: time.Second, Patience: time.Second,
	Stall: 30 * time.Second, Poll: 2 * time.Second, MaxSize: MaxSize,
}

// File watches path until ctx ends and then returns nil; all it started has
// ended with it. It returns an error only if it could not begin.
//
// It calls fn from the goroutine it was called on, one call at a time: when the
// content has settled and differs from the last delivered (or Known), once when
// there is a reason why it cannot be had, and again when it is back. What
// happens during a call is looked at after it. A file that does not exist yet
// is such a reason, not an error of File.
func File(ctx context.Context, path string, opts Options, fn func(Content)) error {
	return file(ctx, path, opts, usual, fn)
}

func file(ctx context.Context, path string, opts Options, t tuning, fn func(Content)) error {
	abs, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("watch %s: %w", path, err)
	}
	w := newWatcher(abs, opts, t, fn)
	if w.events != nil {
		defer w.events.close()
	}
	w.run(ctx)
	return nil
}

// watcher is the state of one File call, all of it owned by that goroutine.
type watcher struct {
	path   string
	opts   Options
	tuning tuning
	fn     func(Content)
	take   taker
	events *events         // nil when only polling
	kick   <-chan struct{} // nil when only polling
	pace   pace

	delivered [sha256.Size]byte
	failure   string // text of the Err delivered last, "" since content
	deaf      string // the failure of events warned about last
	restless  bool   // the present restlessness was warned about
}

// gather is how long the first event of a burst waits for the rest of it, and
// so the price of a busy directory: one look per gather, not one per event.
const gather = 20 * time.Millisecond

func newWatcher(path string, opts Options, t tuning, fn func(Content)) *watcher {
	w := &watcher{
		path: path, opts: opts, tuning: t, fn: fn,
		take: taker{
			path: path, max: t.MaxSize, lease: !t.NoLease,
			patience: t.Patience, stall: t.Stall,
		},
		pace:      pace{quiet: t.Quiet, max: t.Max, poll: t.Poll},
		delivered: opts.Known,
	}
	if mounted(path) {
		w.warn("%s is itself a mount point, so the runtime cannot see a file that replaces it on the host: mount the directory instead", path)
	}
	if !t.NoEvents {
		w.listen()
	}
	return w
}

func (w *watcher) listen() {
	ev, err := newEvents()
	if err != nil {
		w.warnDeaf(err)
		return
	}
	w.events, w.kick = ev, ev.kick
}

func (w *watcher) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var due time.Time
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-w.kick:
			if at := time.Now().Add(gather); at.Before(due) {
				due = at
				timer.Reset(gather)
			}
		case <-timer.C:
			due = w.step()
			timer.Reset(time.Until(due))
		}
	}
}

// step looks at the file, settles it if it has been quiet, and says when to
// look again. A change counts from after the look, the quiet until before it.
func (w *watcher) step() time.Time {
	now := time.Now()
	w.pace.saw(w.look(), time.Now())
	// A reason that was not in the file, like a failing disk, can go away
	// without a change of the file: as long as there is one, every poll tries.
	retry := w.failure != "" && !w.pace.pending
	if retry || w.pace.due(now) {
		w.settle(now)
	}
	return w.pace.next(time.Now())
}

// look brings the watched directories up to date and says what the path names
// now. The directories come first: a change after that makes an event, and a
// directory that is new to us may have changed before we listened to it.
func (w *watcher) look() signature {
	for tries := 0; w.events != nil && tries < 3; tries++ {
		added, err := w.events.follow(directories(w.path))
		if err != nil {
			w.warnDeaf(err)
		}
		if !added {
			break
		}
	}
	return signatureOf(w.path)
}

// settle delivers what the file holds if it has been calm for as long as its
// state requires. If not, the next look tries again.
func (w *watcher) settle(now time.Time) {
	calm := w.pace.calm(now)
	got := w.take.try(calm, w.pace.sig)
	if got.early {
		w.warnRestless(now)
		return
	}
	if got.forced {
		w.warn("%s has been open for writing for %v without a change: using it as it is", w.path, w.tuning.Stall)
	}
	w.pace.rest()
	w.restless = false
	if got.err != nil {
		w.deliverFailure(got.err)
		return
	}
	w.deliver(got.data)
}

func (w *watcher) deliver(data []byte) {
	hash, recovered := sha256.Sum256(data), w.failure != ""
	if w.opts.Seen != nil {
		w.delivered = w.opts.Seen()
	}
	if hash == w.delivered && !recovered {
		return
	}
	w.delivered, w.failure = hash, ""
	w.fn(Content{Data: data, Hash: hash, Recovered: recovered})
}

func (w *watcher) deliverFailure(err error) {
	if err.Error() == w.failure {
		return
	}
	w.failure = err.Error()
	w.fn(Content{Err: err})
}

// warnRestless tells of a file that keeps changing, once until it rests. One
// that its writer has left alone for a while will be taken soon, which says it.
func (w *watcher) warnRestless(now time.Time) {
	lasts := w.pace.pending && now.Sub(w.pace.first) >= w.tuning.Stall
	if w.restless || !lasts || w.pace.calm(now) > w.tuning.Stall/2 {
		return
	}
	w.restless = true
	w.warn("%s has been changing for %v: it will be read when the changes stop", w.path, w.tuning.Stall)
}

func (w *watcher) warnDeaf(err error) {
	if err.Error() == w.deaf {
		return
	}
	w.deaf = err.Error()
	w.warn("no file events for %s (%v%s): polling every %v instead", w.path, err, limitHint(err), w.tuning.Poll)
}

func (w *watcher) warn(format string, args ...any) {
	if w.opts.Warn != nil {
		w.opts.Warn(fmt.Sprintf(format, args...))
	}
}
