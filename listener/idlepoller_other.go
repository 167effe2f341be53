//go:build !linux

package listener

// idlePoller are the connections that wait without a goroutine: none here.
type idlePoller struct{}

func (*idlePoller) add(*conn) bool { return false }
func (*idlePoller) remove(*conn)   {}
func (*idlePoller) stop()          {}
