//go:build !linux || !go1.26 || go1.27

package wire

// await is nothing here.
type await struct{}

func (*await) took(any) {}

// Exact does nothing.
func (c *Conn) Exact() {}

// Await returns at once: there is nothing better than to try and read.
func (c *Conn) Await() {}

// Forget does nothing.
func (c *Conn) Forget() {}
