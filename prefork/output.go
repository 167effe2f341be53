package prefork

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

// tailSize is how many bytes of a worker's last output are kept.
const tailSize = 4 << 10

// output reads what a worker prints: each line to the log, the end of it kept.
type output struct {
	file *os.File
	tail []byte        // of follow, until done
	done chan struct{} // closed when follow has ended
	// limited says that only so many more lines are logged, and none kept.
	limited atomic.Bool
	more    atomic.Int64
}

// limit ends interest in what is printed after so many lines, and at once in
// keeping the last of them.
func (o *output) limit(lines int64) {
	o.more.Store(lines)
	o.limited.Store(true)
}

// follow reads until the last holder of the pipe's other end is gone.
func (o *output) follow(log *slog.Logger) {
	defer close(o.done)
	r := bufio.NewReaderSize(o.file, tailSize)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 && o.wanted() {
			log.LogAttrs(context.Background(), slog.LevelInfo, string(bytes.TrimRight(line, "\r\n")))
		}
		if !o.limited.Load() {
			o.keep(line)
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func (o *output) wanted() bool { return !o.limited.Load() || o.more.Add(-1) >= 0 }

func (o *output) keep(line []byte) {
	o.tail = append(o.tail, line...)
	if extra := len(o.tail) - tailSize; extra > 0 {
		o.tail = append(o.tail[:0], o.tail[extra:]...)
	}
}

// end closes the pipe and returns the tail. It waits only briefly for more: a
// program the worker started may hold the pipe open for long.
func (o *output) end() string {
	o.file.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	<-o.done
	o.file.Close()
	return string(bytes.ToValidUTF8(o.tail, []byte("\uFFFD")))
}

// pause stops reading; what was printed since waits in the pipe.
func (o *output) pause() {
	o.file.SetReadDeadline(time.Now())
	<-o.done
}

// resume lets follow be called again.
func (o *output) resume() {
	o.file.SetReadDeadline(time.Time{})
	o.done = make(chan struct{})
}

const (
	// shownLines and shownRunes bound what is shown of an output.
	shownLines = 10
	shownRunes = 200 // of each line
)

// lastLines are the last lines of what a program has printed, fit for a terminal.
func lastLines(tail string) string {
	var lines []string
	for line := range strings.Lines(tail) {
		if line = printable.Limit(line, shownRunes); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-shownLines):], "\n")
}
