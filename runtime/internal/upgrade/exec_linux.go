package upgrade

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"golang.org/x/sys/unix"
)

// systemRefusal is empty: this system can replace a program in place.
const systemRefusal = ""

// checkTimeout is how long a new program may think about whether it can take over.
var checkTimeout = 10 * time.Second

// ask runs the new program, only to hear whether it can go on with s.
func ask(ctx context.Context, binary string, s *State) (v verdict, err error) {
	state, err := json.Marshal(s)
	if err != nil {
		return v, err
	}
	late := fmt.Errorf("it has not answered the check within %s", checkTimeout)
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, late)
	defer cancel()
	var out, said limited
	cmd := exec.CommandContext(ctx, binary, CheckArgument)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(state), &out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // ended with all that it starts
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return v, fmt.Errorf("it failed the check: %s", cmp.Or(words.LastLine(said.String()), exit.Error()))
	}
	var path *os.PathError
	if errors.As(err, &path) {
		return v, path.Err
	}
	if json.Unmarshal(out.Bytes(), &v) != nil || v.Version == "" {
		return v, errors.New("it does not support the check: it is another program, or too old")
	}
	return v, nil
}

// limited is a buffer that swallows what is beyond 64 KiB.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	l.Buffer.Write(p[:min(len(p), max(0, 64<<10-l.Len()))])
	return len(p), nil
}

// execute replaces this program. It returns only if that fails. The new program gets
// these descriptors; all others are closed.
func (u *Upgrader) execute(to *successor, s *State, descriptors []int) error {
	if u.standsBy {
		pipe, err := beginStandBy(standBy{Upgrade: s.Upgrade, Master: os.Getpid(), Aware: to.tells, Orphans: s.orphanTimeout()})
		if err != nil {
			return err
		}
		defer tellAllWell(pipe) // not reached by the new program
		s.StandBy = int(pipe.Fd())
		descriptors = append(descriptors, s.StandBy)
	}
	state, err := stateFile(s)
	if err != nil {
		return err
	}
	defer unix.Close(state)
	env := append(os.Environ(), envState+"="+strconv.Itoa(state))
	syscall.ForkLock.Lock() // nobody else may inherit them
	defer syscall.ForkLock.Unlock()
	descriptors = append(descriptors, state)
	inherit(descriptors, 0)
	defer inherit(descriptors, unix.FD_CLOEXEC)
	defer u.door.IgnoreSignals()() // until the new program knows what to do with them
	return fmt.Errorf("execute %s: %w", to.Binary, syscall.Exec(to.Binary, os.Args, env))
}

func inherit(descriptors []int, flags int) {
	for _, n := range descriptors {
		unix.FcntlInt(uintptr(n), unix.F_SETFD, flags)
	}
}

// stateFile has s in memory: it has secrets in it, which no disk should see.
func stateFile(s *State) (int, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return -1, err
	}
	fd, err := unix.MemfdCreate("state", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("memory for the state: %w", err)
	}
	for at := 0; at < len(data) && err == nil; {
		var n int
		n, err = unix.Pwrite(fd, data[at:], int64(at))
		at += n
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("memory for the state: %w", err)
	}
	return fd, nil
}
