package cli

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// logLimit is the size from which on the next start begins a new log. One old
// log is kept beside it.
const logLimit = 4 << 20

// tailLimit bounds what is read of a log to quote its last lines.
const tailLimit = 16 << 10

// logFile is where a runtime started by the cockpit writes.
type logFile struct {
	path  string
	file  *os.File
	start int64 // its size when it was opened
}

// openLog opens the log for a runtime on the present socket.
func (c *call) openLog() (*logFile, error) {
	dir, err := c.stateDir()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, logName(c.socketPath()))
	if err := rotate(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &logFile{path, f, st.Size()}, nil
}

// stateDir is $XDG_STATE_HOME/rockstar-tui, else /var/log/rockstar-tui for root,
// else ~/.local/state/rockstar-tui.
func (c *call) stateDir() (string, error) {
	if dir := c.Env("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "rockstar-tui"), nil
	}
	if os.Geteuid() == 0 {
		return "/var/log/rockstar-tui", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find a directory for its log: %w", err)
	}
	return filepath.Join(home, ".local", "state", "rockstar-tui"), nil
}

// logName gives every socket a log of its own.
func logName(socket string) string {
	if socket == defaultSocket() {
		return "runtime.log"
	}
	h := fnv.New32a()
	_, _ = io.WriteString(h, socket)
	return fmt.Sprintf("runtime-%08x.log", h.Sum32())
}

func rotate(path string) error {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Size() < logLimit:
		return nil
	}
	return os.Rename(path, path+".1")
}

// tail returns the last lines that were written since the log was opened.
func (l *logFile) tail(lines int) []string {
	f, err := os.Open(l.path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil || st.Size() <= l.start {
		return nil
	}
	from := max(l.start, st.Size()-tailLimit)
	text, _ := io.ReadAll(io.NewSectionReader(f, from, tailLimit))
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return all[max(0, len(all)-lines):]
}
