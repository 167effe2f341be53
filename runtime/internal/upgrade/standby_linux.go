package upgrade

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// A program that has passed its check may still die when it takes over: then
// nobody is left to say so. Hence a process of the old program stands by, with
// one end of a pipe whose other end the new program has: a byte says that all is
// well, and without one the end of the pipe is that of the new program. Then the
// old one comes back in the place of who stood by, and adopts the workers.

// StandByArgument is the argument by which a program is started to stand by during
// an upgrade; the command line to come back by follows. It does so by [StandBy].
const StandByArgument = "__upgrade-stand-by"

const (
	envStandBy = "ROCKSTAR_STAND_BY" // tells it what it is about
	pipeFD     = 3
	// unawareFor is how long one stands by for a program that does not know of it,
	// and so does not say when all is well.
	unawareFor = 10 * time.Second
)

// standBy is what one who stands by knows.
type standBy struct {
	Upgrade control.Upgrade `json:"upgrade"`
	Master  int             `json:"master"`  // process id
	Aware   bool            `json:"aware"`   // whether the new program says when all is well
	Orphans time.Duration   `json:"orphans"` // how long workers serve on
	Second  bool            `json:"second"`  // it is nobody's child any more
}

// beginStandBy starts somebody to stand by. The file is for the new program.
func beginStandBy(s standBy) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := s.command(os.Args, r).Run(); err != nil {
		w.Close()
		return nil, fmt.Errorf("no standby process: %w", err)
	}
	return w, nil
}

func (s standBy) command(args []string, pipe *os.File) *exec.Cmd {
	text, err := json.Marshal(s)
	if err != nil {
		panic("runtime: " + err.Error()) // plain data
	}
	cmd := &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{args[0], StandByArgument}, args...)}
	cmd.Env = append(os.Environ(), envStandBy+"="+string(text))
	cmd.Stderr, cmd.ExtraFiles = os.Stderr, []*os.File{pipe}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// StandBy waits for what becomes of an upgrade. If the new program dies it does
// not return: the old one comes back by the command line args.
func StandBy(args []string) error {
	var s standBy
	if err := json.Unmarshal([]byte(os.Getenv(envStandBy)), &s); err != nil || len(args) == 0 {
		return fmt.Errorf("%s is for a runtime that is upgraded", StandByArgument)
	}
	os.Unsetenv(envStandBy)
	pipe := os.NewFile(pipeFD, "upgrade")
	if !s.Second { // the new program must not have children that it does not know
		s.Second = true
		return s.command(args, pipe).Start()
	}
	if !s.died(pipe) {
		return nil
	}
	s.awaitEnd()
	u := s.Upgrade
	u.State, u.Error = control.UpgradeFailed, fmt.Sprintf(
		"version %s died while taking over; version %s is back and has adopted the workers", u.To, u.From)
	fmt.Fprintf(os.Stderr, "rockstar-tui: version %s died while taking over from %s; the workers keep serving for %s, and version %s starts again; if it does not, run: %s\n",
		u.To, u.From, s.Orphans, u.From, strings.Join(args, " "))
	text, err := json.Marshal(u)
	if err != nil {
		return err
	}
	unix.CloseOnExec(pipeFD)
	return syscall.Exec("/proc/self/exe", args, append(os.Environ(), envDied+"="+string(text)))
}

// died waits until the new program has said that all is well, or has ended.
func (s standBy) died(pipe *os.File) bool {
	ended := make(chan bool, 1)
	go func() {
		n, _ := pipe.Read(make([]byte, 1))
		ended <- n == 0
	}()
	var enough <-chan time.Time
	if !s.Aware {
		enough = time.After(unawareFor)
	}
	select {
	case died := <-ended:
		return died
	case <-enough:
		return false
	}
}

// awaitEnd waits until the process has given up what it held: its locks.
func (s standBy) awaitEnd() {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		stat, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(s.Master), "stat"))
		if _, state, _ := strings.Cut(string(stat), ") "); err != nil || strings.HasPrefix(state, "Z") {
			return
		}
	}
}

// tellAllWell tells who stands by that the new program lives, or ends as it was told to.
func tellAllWell(pipe *os.File) {
	if pipe == nil {
		return
	}
	_, _ = pipe.Write([]byte{1}) // fails if nobody stands by any more
	pipe.Close()
}

func closeOnExec(fd int) { unix.CloseOnExec(fd) }
