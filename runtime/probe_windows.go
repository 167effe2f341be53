package runtime

// descriptors are not limited here.
func descriptors() (limit, used int) { return 0, 0 }
