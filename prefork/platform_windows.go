package prefork

import (
	"net"
	"os"
	"syscall"
)

// Windows has no way to hand a listening socket's queue from process to process.
const supported = false

var workerSignals = []os.Signal{os.Interrupt}

func ownSession() *syscall.SysProcAttr { return nil }

func controlPair() (*net.UnixConn, *os.File, error) { return nil, nil, ErrUnsupported }

func controlConn(*os.File) (*net.UnixConn, error) { return nil, ErrUnsupported }

func again(syscall.Conn) (*os.File, error) { return nil, ErrUnsupported }

func duplicate(syscall.Conn) (int, error) { return -1, ErrUnsupported }

func closeNumber(int) {}

func closeOnExec(int) {}

func mapWhole(*os.File) ([]byte, error) { return nil, ErrUnsupported }

const freezable = false

func awaitZombie(int) {} // the status is read at once

func rights(int) []byte { return nil }

func isTooManyRefs(error) bool { return false }

func parseRights([]byte) []int { return nil }

func inherited(int, string, bool) (*os.File, error) { return nil, ErrUnsupported }

func kept(int) (*os.File, error) { return nil, ErrUnsupported }

func mapShared(*os.File, int) ([]byte, error) { return nil, ErrUnsupported }

func newMemory(int) ([]byte, *os.File, error) { return nil, nil, ErrUnsupported }

func unmap([]byte) {}

func executable() (string, error) { return os.Executable() }

func askTrace(p *os.Process) { p.Kill() }
