package rawclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Failures are counted by cause.
type Failures map[string]int

// Total is the number of all of them.
func (f Failures) Total() (n int) {
	for _, count := range f {
		n += count
	}
	return n
}

// String has each cause with its number, behind a semicolon.
func (f Failures) String() string {
	var b strings.Builder
	for _, cause := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "; %d × %s", f[cause], cause)
	}
	return b.String()
}

// Cause is an error without addresses, so that equal ones count together; "" if there
// is none.
func Cause(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.EPIPE):
		return "broken pipe"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "EOF in a response"
	case errors.Is(err, io.EOF):
		return "EOF before the response"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	text := err.Error()
	if len(text) > 120 {
		text = text[:120]
	}
	return strings.ToValidUTF8(text, "?")
}
