package socket

import (
	"errors"
	"fmt"
	"net"
	"os"
)

// Kept is a control socket on its way into another program, which takes the
// place of this one in the same process. It travels as JSON with the numbers of
// its descriptors, which close at exec unless the caller clears that flag.
type Kept struct {
	Path   string `json:"path"`
	Socket int    `json:"socket"`
	Lock   int    `json:"lock"`
}

// Keep makes ln, which must be of [Listen], outlive its Close: clients that
// connect then wait until the next program answers, see [Kept.Adopt].
func Keep(ln net.Listener) (*Kept, error) {
	s, ok := ln.(*socket)
	if !ok {
		return nil, errors.New("keep the control socket: it is not one of Listen")
	}
	number, err := duplicate(s.UnixListener)
	if err != nil {
		return nil, fmt.Errorf("keep the control socket: %w", err)
	}
	k := &Kept{Path: s.path, Socket: number}
	if k.Lock, err = duplicate(s.lock); err != nil {
		closeNumber(number)
		return nil, fmt.Errorf("keep the control socket: %w", err)
	}
	s.kept.Store(true)
	return k, nil
}

// Adopt returns the socket that was kept, still locked.
func (k *Kept) Adopt() (net.Listener, error) {
	f, lock := inherited(k.Socket, "control socket"), inherited(k.Lock, "lock")
	defer f.Close()
	s, err := adoptSocket(k.Path, f)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("control socket %s: %w", k.Path, err)
	}
	s.lock = lock
	return s, nil
}

func adoptSocket(path string, f *os.File) (*socket, error) {
	ln, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	unix, ok := ln.(*net.UnixListener)
	if !ok {
		ln.Close()
		return nil, fmt.Errorf("it is a %T, not a unix socket", ln)
	}
	unix.SetUnlinkOnClose(false)
	info, err := os.Lstat(path)
	if err != nil {
		ln.Close()
		return nil, err
	}
	return &socket{UnixListener: unix, path: path, info: info}, nil
}
