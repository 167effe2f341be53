package prefork

import (
	"fmt"
	"os"
)

// child is a worker's process as its master sees it. The group learns of its end
// in two steps, so that a frozen group leaves the status to its successor.
type child interface {
	pid() int
	kill()
	// trace asks it to print what it does, and to end.
	trace()
	// ending returns once the process has ended, and leaves its status to be read.
	ending()
	// wait reads how it ended; the process is forgotten by the system then.
	wait() (State, string)
}

// childProcess is a process that this one has started, or that was started by the
// program that ran in it before.
type childProcess struct{ *os.Process }

func (o childProcess) pid() int { return o.Pid }

func (o childProcess) kill() { o.Kill() } // fails if it has ended, which is as well

func (o childProcess) trace() { askTrace(o.Process) }

func (o childProcess) ending() { awaitZombie(o.Pid) }

func (o childProcess) wait() (State, string) {
	end, err := o.Wait()
	switch {
	case err != nil:
		return Crashed, fmt.Sprintf("ended while the link was frozen: %v", err)
	case end.Success():
		return Exited, end.String()
	}
	return Crashed, end.String()
}
