package runtime

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

// upgradeRefusal is empty: this system can replace a program in place.
const upgradeRefusal = ""

// checkPatience is how long a new program may think about whether it can take over.
var checkPatience = 10 * time.Second

// ask runs the new program, only to hear whether it can go on with c.
func ask(ctx context.Context, binary string, c *carried) (v verdict, err error) {
	state, err := json.Marshal(c)
	if err != nil {
		return v, err
	}
	late := fmt.Errorf("it has not answered the check within %s", checkPatience)
	ctx, cancel := context.WithTimeoutCause(ctx, checkPatience, late)
	defer cancel()
	var out, said limited
	cmd := exec.CommandContext(ctx, binary, UpgradeCheck)
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
		return v, errors.New("it does not know the check: it is another program, or a version too old for this")
	}
	return v, nil
}

// limited is a buffer that swallows what is beyond 64 KiB.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	l.Buffer.Write(p[:min(len(p), max(0, 64<<10-l.Len()))])
	return len(p), nil
}

// execute replaces this program. It returns only if that fails. numbers are the
// descriptors that the new program gets; all others are closed.
func (d *door) execute(binary string, c *carried, numbers []int) error {
	if d.standsBy {
		pipe, err := beginStandBy(standBy{Upgrade: c.Upgrade, Master: os.Getpid(), Aware: d.tells, Orphans: c.orphanTimeout()})
		if err != nil {
			return err
		}
		defer allWell(pipe) // not reached by the new program
		c.StandBy = int(pipe.Fd())
		numbers = append(numbers, c.StandBy)
	}
	state, err := stateFile(c)
	if err != nil {
		return err
	}
	defer unix.Close(state)
	env := append(os.Environ(), envUpgrade+"="+strconv.Itoa(state))
	syscall.ForkLock.Lock() // nobody else may inherit them
	defer syscall.ForkLock.Unlock()
	numbers = append(numbers, state)
	inherit(numbers, 0)
	defer inherit(numbers, unix.FD_CLOEXEC)
	d.signals.ignore() // until the new program knows what to do with them
	defer d.signals.notify()
	return fmt.Errorf("execute %s: %w", binary, syscall.Exec(binary, os.Args, env))
}

func inherit(numbers []int, flags int) {
	for _, n := range numbers {
		unix.FcntlInt(uintptr(n), unix.F_SETFD, flags)
	}
}

// stateFile has c in memory: it has secrets in it, which no disk should see.
func stateFile(c *carried) (int, error) {
	data, err := json.Marshal(c)
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
