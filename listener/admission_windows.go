package listener

// systemTicks is that of this process: nothing is shared with others.
func systemTicks() int64 { return ticks() }
