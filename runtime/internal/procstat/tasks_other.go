//go:build !linux

package procstat

// taskLimit is a bound on processes and threads together; none is known here.
type taskLimit struct{}

func (taskLimit) free() uint64   { return 0 }
func (taskLimit) String() string { return "" }

func tightestTaskLimit() (l taskLimit, ok bool) { return l, false }
