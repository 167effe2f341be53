//go:build !linux

package prefork

import (
	"errors"
	"net"
	"os"
)

// MakeOrphanDir fails: without Linux workers drain when their master dies.
func MakeOrphanDir(string) error { return errors.ErrUnsupported }

func settle(string) (*net.UnixListener, error) { return nil, errors.ErrUnsupported }

func entries(string) []string { return nil }

func visit(string, string) (*net.UnixConn, error) { return nil, errors.ErrUnsupported }

func peerOf(*net.UnixConn) (int, error) { return 0, errors.ErrUnsupported }

func ofOurs(*net.UnixConn) error { return errors.ErrUnsupported }

func redirect(*os.File) {}

type adoptedProcess struct{ childProcess }
