package listener

// Gone returns a function that says whether the client of an exchange has gone
// away, or will send nothing more, without reading from it. It may be called by
// another goroutine, and also when the handler has returned: a connection that
// is closed is gone. It is nil where that cannot be known.
func Gone(x Exchange) func() bool {
	h, ok := x.(*h1Exchange)
	if !ok {
		return nil
	}
	c := connIn(h.ctx.Conn())
	if c.tcp == nil || !canTellGone {
		return nil
	}
	return func() bool { return ended(c.tcp) }
}
