//go:build !linux

package prefork

import (
	"errors"
	"net"
	"os"
)

// MakeNest fails: without Linux workers drain when their master dies.
func MakeNest(string) error { return errors.ErrUnsupported }

func settle(string) (*net.UnixListener, error) { return nil, errors.ErrUnsupported }

func residents(string) []string { return nil }

func visit(string, string) (*net.UnixConn, error) { return nil, errors.ErrUnsupported }

func peerOf(*net.UnixConn) (int, error) { return 0, errors.ErrUnsupported }

func ofOurs(*net.UnixConn) error { return errors.ErrUnsupported }

func redirect(*os.File) {}

type stranger struct{ offspring }
