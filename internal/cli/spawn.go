package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

const (
	// startTimeout is how long a runtime may take until it is ready.
	startTimeout = 15 * time.Second
	// progressDelay is after how long a start says that it is under way.
	progressDelay = time.Second
	// killAfter is how long a runtime that is not wanted any more may drain.
	killAfter = 5 * time.Second
)

// startupStatus is what a runtime reports, once, to the process that started it: a
// line of JSON through the inherited pipe.
type startupStatus struct {
	Ready bool           `json:"ready"`
	Error *control.Error `json:"error,omitempty"`
	Exit  int            `json:"exit,omitempty"` // exit code, with Error
}

// parent is the process that started this one to serve, behind a pipe; nil if none waits.
type parent struct {
	pipe *os.File
	once sync.Once
}

// tell reports the status, the first time. The process may have ended meanwhile.
func (p *parent) tell(b startupStatus) {
	if p == nil {
		return
	}
	p.once.Do(func() {
		_ = json.NewEncoder(p.pipe).Encode(b)
		_ = p.pipe.Close()
	})
}

// spawn starts a runtime in a session of its own and returns when it is ready,
// with the path of its log. A runtime that does not get ready is ended.
func (c *call) spawn(ctx context.Context) (string, error) {
	log, err := c.openLog()
	if err != nil {
		return "", failed("start a runtime: %v", err)
	}
	defer func() { _ = log.file.Close() }()
	child, err := c.startChild(log.file)
	if err != nil {
		return "", failed("start a runtime: %v", err)
	}
	b, err := c.awaitStartup(ctx, child)
	switch {
	case err != nil:
		child.end()
		return "", withTail(err, log)
	case b.Error != nil:
		child.end()
		return "", &exitError{b.Exit, b.Error}
	}
	return log.path, nil
}

// child is a runtime that is about to serve.
type child struct {
	cmd    *exec.Cmd
	status chan startupStatus // closed without one when the child ends silently
	gone   chan struct{}      // closed when it has ended
}

func (c *call) startChild(log *os.File) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Close() }()
	cmd := exec.Command(self, c.serveArgs()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = os.Environ()
	inSessionOfItsOwn(cmd)
	passPipe(cmd, w)
	if err := cmd.Start(); err != nil {
		_ = r.Close()
		return nil, err
	}
	ch := &child{cmd: cmd, status: make(chan startupStatus, 1), gone: make(chan struct{})}
	go ch.listen(r)
	go ch.reap()
	return ch, nil
}

func (c *call) serveArgs() []string {
	args := []string{"serve", "--socket", c.socketPath()}
	if path := c.configPath(); path != "" {
		args = append(args, "-c", path)
	}
	return args
}

// listen passes on what the child reports. It ends with the child at the latest,
// as the other end of the pipe is the child's alone.
func (ch *child) listen(r io.ReadCloser) {
	defer func() { _ = r.Close() }()
	defer close(ch.status)
	line, err := bufio.NewReader(io.LimitReader(r, 1<<20)).ReadBytes('\n')
	var b startupStatus
	if err == nil && json.Unmarshal(line, &b) == nil && (b.Ready || b.Error != nil) {
		ch.status <- b
	}
}

// reap waits for the child, for as long as this process lives, so that it never
// is a zombie.
func (ch *child) reap() {
	_ = ch.cmd.Wait()
	close(ch.gone)
}

// end ends the child, gently at first.
func (ch *child) end() {
	_ = terminate(ch.cmd.Process)
	select {
	case <-ch.gone:
	case <-time.After(killAfter):
		_ = ch.cmd.Process.Kill()
		<-ch.gone
	}
}

// awaitStartup waits for the child's status, and says what it waits for when that
// takes longer than [progressDelay].
func (c *call) awaitStartup(ctx context.Context, ch *child) (startupStatus, error) {
	began := time.Now()
	limit := time.NewTimer(c.startTimeout)
	defer limit.Stop()
	tick := time.NewTicker(progressDelay)
	defer tick.Stop()
	defer c.clearProgress()
	for {
		select {
		case b, ok := <-ch.status:
			if !ok {
				ch.end()
				return b, failed("the runtime ended before it was ready: %s", ch.cmd.ProcessState)
			}
			return b, nil
		case <-tick.C:
			c.progress("starting a runtime, %s", render.Age(time.Since(began)))
		case <-limit.C:
			return startupStatus{}, failed("the runtime was not ready within %s and has been stopped", c.startTimeout)
		case <-ctx.Done():
			return startupStatus{}, ctx.Err()
		}
	}
}

// withTail adds the last lines of the log to the error of a start.
func withTail(err error, log *logFile) error {
	var e *control.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, line := range log.tail(5) {
		e.Details = append(e.Details, control.Detail{Message: line})
	}
	e.Details = append(e.Details, control.Detail{Message: "its log is " + log.path})
	return e
}

// progress shows a line on a terminal that the next one replaces.
func (c *call) progress(format string, args ...any) {
	if c.json || !isTerminal(c.Stderr) {
		return
	}
	_, _ = fmt.Fprintf(c.Stderr, "\r\x1b[K%s", printable.Text(strings.TrimSpace(fmt.Sprintf(format, args...))))
}

func (c *call) clearProgress() {
	if !c.json && isTerminal(c.Stderr) {
		_, _ = io.WriteString(c.Stderr, "\r\x1b[K")
	}
}
