package socket

import (
	"errors"
	"net"
	"os"
	"syscall"
)

const maxPath = 107

// checkDir has nothing to look at: rights are inherited from the user's profile.
func checkDir(string) error { return nil }

// trust leaves it to the rights of the file.
func trust(net.Conn, string) error { return nil }

func duplicate(syscall.Conn) (int, error) { return -1, errors.ErrUnsupported }

func closeNumber(int) {}

func inherited(n int, name string) *os.File { return os.NewFile(uintptr(n), name) }
