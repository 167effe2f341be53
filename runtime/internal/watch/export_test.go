package watch

import (
	"cmp"
	"context"
)

// Tuning is that of a watch in a test. Zero is the usual.
type Tuning = tuning

// Tuned is File with other times and means.
func Tuned(ctx context.Context, path string, opts Options, t Tuning, fn func(Content)) error {
	t.Quiet, t.Max, t.Patience = cmp.Or(t.Quiet, usual.Quiet), cmp.Or(t.Max, usual.Max), cmp.Or(t.Patience, usual.Patience)
	t.Stall, t.Poll, t.MaxSize = cmp.Or(t.Stall, usual.Stall), cmp.Or(t.Poll, usual.Poll), cmp.Or(t.MaxSize, usual.MaxSize)
	return file(ctx, path, opts, t, fn)
}

// Mounted says that path itself is a mount point.
var Mounted = mounted
