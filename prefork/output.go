package prefork

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"os"
	"time"
)

// tailSize is how many bytes of a worker's last output are kept.
const tailSize = 4 << 10

// output reads what a worker prints: each line to the log, the end of it kept.
type output struct {
	file *os.File
	tail []byte        // of follow, until done
	done chan struct{} // closed when follow has ended
}

// follow reads until the last holder of the pipe's other end is gone.
func (o *output) follow(log *slog.Logger) {
	defer close(o.done)
	r := bufio.NewReaderSize(o.file, tailSize)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			o.keep(line)
			log.LogAttrs(context.Background(), slog.LevelInfo, string(bytes.TrimRight(line, "\r\n")))
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

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
