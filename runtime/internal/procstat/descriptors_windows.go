package procstat

// Descriptors are not limited here.
func Descriptors(int) (open, limit uint64) { return 0, 0 }
