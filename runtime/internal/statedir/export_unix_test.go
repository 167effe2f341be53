//go:build unix

package statedir

// AsUser has the process believe that it is another user.
func AsUser(uid int) (restore func()) {
	was := euid
	euid = func() int { return uid }
	return func() { euid = was }
}
