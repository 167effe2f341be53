//go:build !linux

package listener

// rests are the connections that wait without a goroutine: none here.
type rests struct{}

func (*rests) add(*conn) bool { return false }
func (*rests) remove(*conn)   {}
func (*rests) stop()          {}
