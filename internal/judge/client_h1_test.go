package judge_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every exchange; whoever needs longer hangs.
const patience = 6 * time.Second

// dial opens a connection of TCP, with TLS where the protocol has it.
func (to target) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", to.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	secure, err := to.secured(conn)
	if err != nil {
		t.Fatal(err)
	}
	return secure
}

// secured begins TLS where the protocol has it.
func (to target) secured(conn net.Conn) (net.Conn, error) {
	if !to.secure() {
		return conn, nil
	}
	config := to.trust.Clone()
	config.NextProtos = []string{"http/1.1"}
	if to.protocol == h2 {
		config.NextProtos = []string{"h2"}
	}
	secure := tls.Client(conn, config)
	return secure, secure.Handshake()
}

// head is the request line and the header as HTTP/1.1 sends them.
func (r request) head(host, path string) string {
	proto := r.Proto
	if proto == "" {
		proto = "HTTP/1.1"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", r.method(), path, proto)
	if proto == "HTTP/1.1" {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	for _, h := range r.Header {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if r.Expect {
		b.WriteString("Expect: 100-continue\r\n")
	}
	switch {
	case r.Length == "chunked" || len(r.Trailer) > 0:
		b.WriteString("Transfer-Encoding: chunked\r\n")
		for _, h := range r.Trailer {
			fmt.Fprintf(&b, "Trailer: %s\r\n", h[0])
		}
	case r.Length != "":
		fmt.Fprintf(&b, "Content-Length: %s\r\n", r.Length)
	case r.Body != "":
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	return b.String() + "\r\n"
}

// content is the body as HTTP/1.1 sends it.
func (r request) content() string {
	if r.Length != "chunked" && len(r.Trailer) == 0 {
		return r.Body
	}
	var b strings.Builder
	for rest := r.Body; rest != ""; {
		n := min(len(rest), 1000)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n")
	for _, h := range r.Trailer {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	return b.String() + "\r\n"
}

// exchangeH1 sends one request on a connection of its own and reads the answer
// byte by byte as it comes.
func exchangeH1(t *testing.T, to target, r request, path string) answer {
	t.Helper()
	conn := to.dial(t)
	defer conn.Close()
	host := to.addr
	head := r.head(host, path)
	if !r.Expect {
		head += r.content()
	}
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	var a answer
	readH1(br, &a, r.method() == http.MethodHead, func() {
		if r.Expect {
			io.WriteString(conn, r.content())
		}
	})
	if a.End == "complete" {
		a.End = afterwards(conn, br, host)
	}
	return a
}

// readH1 reads informational responses and the final one, body and trailers
// included. continued is called at a 100.
func readH1(br *bufio.Reader, a *answer, noBody bool, continued func()) {
	tp := textproto.NewReader(br)
	for {
		line, err := tp.ReadLine()
		if err != nil {
			a.End = "no response: " + ending(err)
			return
		}
		proto, rest, _ := strings.Cut(line, " ")
		code, reason, _ := strings.Cut(rest, " ")
		if a.Status, err = strconv.Atoi(code); err != nil || proto != "HTTP/1.1" && proto != "HTTP/1.0" {
			a.End = fmt.Sprintf("malformed status line %q", line)
			return
		}
		h, err := tp.ReadMIMEHeader()
		if err != nil {
			a.End = "in the header: " + ending(err)
			return
		}
		header := fields(http.Header(h))
		if a.Status >= 100 && a.Status < 200 && a.Status != http.StatusSwitchingProtocols {
			a.Informational = append(a.Informational, fmt.Sprintf("%d %s", a.Status, strings.Join(header, ", ")))
			if a.Status == http.StatusContinue {
				continued()
			}
			continue
		}
		a.Header = append([]string{proto + " " + reason}, header...)
		bodyless := noBody || a.Status == http.StatusSwitchingProtocols || a.Status == http.StatusNoContent || a.Status == http.StatusNotModified
		readBodyH1(tp, a, http.Header(h), bodyless)
		return
	}
}

func readBodyH1(tp *textproto.Reader, a *answer, h http.Header, bodyless bool) {
	switch {
	case bodyless:
		a.End = "complete"
	case h.Get("Transfer-Encoding") != "":
		readChunks(tp, a)
	case h.Get("Content-Length") != "":
		n, _ := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
		body, err := io.ReadAll(io.LimitReader(tp.R, n))
		a.Body, a.End = string(body), "complete"
		if int64(len(body)) < n {
			a.End = "truncated: " + ending(err)
		}
	default:
		body, err := io.ReadAll(tp.R)
		a.Body, a.End = string(body), "closed at the end of the body: "+ending(err)
	}
}

func readChunks(tp *textproto.Reader, a *answer) {
	var body strings.Builder
	defer func() { a.Body = body.String() }()
	for {
		line, err := tp.ReadLine()
		if err != nil {
			a.End = "truncated between chunks: " + ending(err)
			return
		}
		n, err := strconv.ParseUint(line, 16, 32)
		if err != nil {
			a.End = fmt.Sprintf("malformed chunk size %q", line)
			return
		}
		if n == 0 {
			break
		}
		if _, err := io.CopyN(&body, tp.R, int64(n)); err != nil {
			a.End = "truncated in a chunk: " + ending(err)
			return
		}
		if line, err := tp.ReadLine(); err != nil || line != "" {
			a.End = fmt.Sprintf("malformed chunk end %q: %v", line, err)
			return
		}
	}
	trailer, err := tp.ReadMIMEHeader()
	if err != nil {
		a.End = "truncated in the trailers: " + ending(err)
		return
	}
	a.Trailer, a.End = fields(http.Header(trailer)), "complete"
}

// afterwards tries whether the connection serves another request.
func afterwards(conn net.Conn, br *bufio.Reader, host string) string {
	io.WriteString(conn, "GET /again HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
	var next answer
	readH1(br, &next, false, func() {})
	switch {
	case next.Status == http.StatusOK && next.Body == "again" && next.End == "complete":
		return "complete, connection kept"
	case next.Status == 0:
		// Whether a request sent to a closed connection meets an end or a reset
		// is a matter of time.
		if strings.Contains(next.End, "timeout") {
			return "complete, then silence"
		}
		return "complete, connection closed"
	}
	return "complete, then " + strings.Join(next.lines(), " | ")
}

func ending(err error) string {
	switch {
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE):
		return "reset"
	}
	return err.Error()
}

// readFrames reads the answer to an upgrade and the bytes that follow, up to a
// pong of one byte.
func readFrames(conn net.Conn, a *answer) {
	br := bufio.NewReader(conn)
	readH1(br, a, false, func() {})
	if a.Status != http.StatusSwitchingProtocols {
		return
	}
	pong := make([]byte, 3)
	n, err := io.ReadFull(br, pong)
	a.Body, a.End = fmt.Sprintf("%q", pong[:n]), "complete"
	if err != nil {
		a.End = ending(err)
	}
}
