//go:build !unix

package pool

func (c *conn) preparePeek() {}

// usable cannot be told without reading here; a stale connection is noticed
// when it is used.
func (c *conn) usable() bool { return true }
