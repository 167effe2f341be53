//go:build !linux

package procstat

import "errors"

// taskLimit is a bound on processes and threads together; none is known here.
type taskLimit struct{}

func (taskLimit) free() uint64   { return 0 }
func (taskLimit) String() string { return "" }

func tightestTaskLimit() (l taskLimit, ok bool) { return l, false }

// blocking is not needed where no bound on threads is known.
func blocking() (wait, release, done func(), err error) { return nil, nil, nil, errors.ErrUnsupported }
