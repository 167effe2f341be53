package runtime

// descriptors are not limited here.
func descriptors(int) (open, limit uint64) { return 0, 0 }
