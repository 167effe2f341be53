package watch

// writing says whether somebody has a file open for writing.
type writing int

const (
	writingUnknown writing = iota // the system does not tell
	writingNo
	writingYes
)
