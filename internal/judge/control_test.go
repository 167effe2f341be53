package judge_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func init() {
	subjects = append(subjects, hijackers, controllers, leavers, duplexes, uploads, pipelines)
}

// hijackers take the connection over.
var hijackers = subject{
	name: "hijack",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/upgrade" {
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "echo")
			w.WriteHeader(http.StatusSwitchingProtocols)
		}
		if r.URL.Path == "/written" {
			io.WriteString(w, "a response")
		}
		if r.URL.Path == "/flushed" {
			io.WriteString(w, "a response")
			http.NewResponseController(w).Flush()
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			fmt.Fprintf(w, "hijack: %v, not supported %v", err, errors.Is(err, http.ErrNotSupported))
			return
		}
		defer conn.Close()
		_, err = w.Write([]byte("x"))
		said := fmt.Sprintf("write after: %v, canceled %v\n", err, r.Context().Err())
		if r.URL.Path != "/upgrade" {
			fmt.Fprint(rw, "HTTP/1.1 299 Mine\r\nContent-Length: ", len(said)+8, "\r\nConnection: close\r\n\r\n")
		}
		fmt.Fprint(rw, said)
		rw.Flush()
		conn.SetDeadline(time.Now().Add(patience))
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(rw, "echo %q", line)
		rw.Flush()
	})),
	asks: map[string]request{"written": {Path: "/written"}, "flushed": {Path: "/flushed"}},
	talks: map[string]func(*testing.T, target) []string{
		"raw":      hijackTalk(request{Path: "/hijack/"}, ""),
		"ahead":    hijackTalk(request{Path: "/hijack/"}, "!\n"),
		"upgrade":  hijackTalk(request{Path: "/hijack/upgrade", Header: [][2]string{{"Connection", "Upgrade"}, {"Upgrade", "echo"}}}, ""),
		"http2":    overHTTP2(func(t *testing.T, to target) []string { return exchange(t, to, request{}, "/hijack/").lines() }),
		"withbody": hijackTalk(request{Method: "POST", Path: "/hijack/", Body: "body"}, ""),
	},
}

// hijackTalk sends a request, and bytes for who takes the connection over, with
// it or behind it.
func hijackTalk(r request, ahead string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		if !to.one() {
			t.Skip("HTTP/1.1 only")
		}
		conn := to.dial(t)
		defer conn.Close()
		fmt.Fprint(conn, r.head(to.addr, r.Path)+r.content()+ahead)
		if ahead == "" {
			defer func() { conn.Close() }()
			go func() { time.Sleep(20 * time.Millisecond); io.WriteString(conn, "!\n") }()
		}
		all, err := io.ReadAll(conn)
		return []string{fmt.Sprintf("%q %v", dates.ReplaceAll(all, nil), ending(err))}
	}
}

var dates = regexp.MustCompile("Date: [^\\r]*\\r\\n")

// controllers use http.ResponseController.
var controllers = subject{
	name: "controller",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		switch r.URL.Path {
		case "/supported":
			errs := []error{c.SetReadDeadline(time.Time{}), c.SetWriteDeadline(time.Time{}), c.EnableFullDuplex(), c.Flush()}
			fmt.Fprint(w, errs)
		case "/read":
			fmt.Fprint(w, "set ", c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, " read ", n, " timeout ", isTimeout(err))
		case "/write":
			set := c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
			var err error
			for piece := make([]byte, 64<<10); err == nil; {
				_, err = w.Write(piece)
			}
			saw.tell(r, "set %v, write ended %v", set, err != nil)
		case "/past":
			fmt.Fprint(w, "set ", c.SetReadDeadline(time.Now().Add(-time.Second)))
			_, err := io.Copy(io.Discard, r.Body)
			fmt.Fprint(w, " timeout ", isTimeout(err))
		}
	})),
	asks: map[string]request{"supported": {Path: "/supported"}, "supportedpost": {Method: "POST", Path: "/supported", Body: "body"}},
	talks: map[string]func(*testing.T, target) []string{
		"read": halfSent("/controller/read"),
		"past": halfSent("/controller/past"),
		"write": func(t *testing.T, to target) []string {
			id := unique(t, to)
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			defer cancel()
			req, _ := http.NewRequestWithContext(ctx, "GET", to.url("/controller/write?id="+id), nil)
			resp, err := to.client(t).Do(req) // and reads nothing
			if err == nil {                   // the deadline may come before the header
				defer resp.Body.Close()
			}
			return []string{saw.next(id)}
		},
	},
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// halfSent sends a part of its body and then nothing, until it has the answer.
func halfSent(path string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		body, part := io.Pipe()
		defer part.Close()
		defer time.AfterFunc(patience, func() { part.Close() }).Stop() // the client waits for its own body
		go io.WriteString(part, "half")
		return to.send(t, patience, "POST", path, body)
	}
}

// leavers are clients that go away.
var leavers = subject{
	name: "leave",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			io.WriteString(w, "begun")
			http.NewResponseController(w).Flush()
		}
		if r.URL.Path == "/read" {
			io.Copy(io.Discard, r.Body)
		}
		if r.URL.Path == "/answered" {
			go func() {
				<-r.Context().Done()
				saw.tell(r, "%v", r.Context().Err())
			}()
			return
		}
		saw.of("in-" + r.URL.Query().Get("id")) <- "in"
		select {
		case <-r.Context().Done():
			saw.tell(r, "%v", context.Cause(r.Context()))
		case <-time.After(patience / 2):
			saw.tell(r, "the client is still there")
		}
	})),
	talks: map[string]func(*testing.T, target) []string{
		"waiting":   leaving("/leave/", ""),
		"streaming": leaving("/leave/stream", ""),
		"posted":    leaving("/leave/read", "body"),
		"answered":  answered, // the context ends with the request
	},
}

func answered(t *testing.T, to target) []string {
	id := unique(t, to)
	lines := to.send(t, patience, "GET", "/leave/answered?id="+id, nil)
	return append(lines, saw.next(id))
}

func leaving(path, body string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		id := unique(t, to)
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			var content io.Reader
			if body != "" {
				content = strings.NewReader(body)
			}
			req, _ := http.NewRequestWithContext(ctx, "POST", to.url(path+"?id="+id), content)
			if resp, err := to.client(t).Do(req); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
		<-saw.of("in-" + id)
		cancel()
		return []string{saw.next(id)}
	}
}

// duplexes read and write at the same time.
var duplexes = subject{
	name: "duplex",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if r.URL.Path != "/half" {
			if err := c.EnableFullDuplex(); err != nil && r.ProtoMajor == 1 {
				fmt.Fprintln(w, err)
			}
		}
		switch r.URL.Path {
		case "/large":
			io.WriteString(w, large)
			body, err := io.ReadAll(r.Body)
			fmt.Fprint(w, len(body), err)
			return
		}
		in := bufio.NewReader(r.Body)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				fmt.Fprintf(w, "end %q %v\n", line, err)
				return
			}
			fmt.Fprintf(w, "echo %s", line)
			c.Flush()
		}
	})),
	asks: map[string]request{
		"large":      {Method: "POST", Path: "/large", Body: strings.Repeat("b", 20000)},
		"largechunk": {Method: "POST", Path: "/large", Body: strings.Repeat("b", 20000), Length: "chunked"},
		"half":       {Method: "POST", Path: "/half", Body: "one\ntwo\n"},
	},
	talks: map[string]func(*testing.T, target) []string{"echo": func(t *testing.T, to target) []string {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		body, say := io.Pipe()
		context.AfterFunc(ctx, func() { say.Close() })
		req, _ := http.NewRequestWithContext(ctx, "POST", to.url("/duplex/"), body)
		go fmt.Fprintln(say, 0)
		resp, err := to.client(t).Do(req)
		if err != nil {
			return []string{err.Error()}
		}
		defer resp.Body.Close()
		var lines []string
		in := bufio.NewReader(resp.Body)
		for i := 1; i < 4; i++ {
			line, err := in.ReadString('\n')
			lines = append(lines, fmt.Sprintf("%q %v", line, err))
			if err != nil {
				return lines
			}
			fmt.Fprintln(say, i)
		}
		say.Close()
		rest, err := io.ReadAll(in)
		return append(lines, fmt.Sprintf("rest %q %v", rest, err))
	}},
}

// uploadSize is 64 MiB, or what JUDGE_UPLOAD says in MiB.
func uploadSize() int64 {
	if n, err := strconv.Atoi(os.Getenv("JUDGE_UPLOAD")); err == nil {
		return int64(n) << 20
	}
	return 64 << 20
}

var uploads = subject{
	name: "upload",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	})),
	talks: map[string]func(*testing.T, target) []string{"large": func(t *testing.T, to target) []string {
		return to.send(t, 10*time.Minute, "POST", "/upload/", io.LimitReader(zeros{}, uploadSize()))
	}},
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// pipelines are several requests sent at once on one connection, and readers of
// a body that outlive their handler.
var pipelines = subject{
	name: "pipeline", only: []protocol{h1, h1tls},
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/left" {
			go func() {
				<-saw.of("go-" + r.URL.Query().Get("id"))
				n, err := r.Body.Read(make([]byte, 100))
				saw.tell(r, "stray read %d, failed %v", n, err != nil)
			}()
			fmt.Fprint(w, "left")
			return
		}
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %q %v", r.URL.Path, body, err)
		if r.URL.Path == "/flush" {
			http.NewResponseController(w).Flush()
		}
	})),
	talks: map[string]func(*testing.T, target) []string{
		"three": func(t *testing.T, to target) []string {
			conn := to.dial(t)
			defer conn.Close()
			var all string
			asks := []request{{Path: "/pipeline/a"}, {Method: "POST", Path: "/pipeline/flush", Body: "body"}, {Method: "POST", Path: "/pipeline/c", Body: "more", Length: "chunked"}}
			for _, r := range asks {
				all += r.head(to.addr, r.Path) + r.content()
			}
			io.WriteString(conn, all)
			return readAnswers(conn, len(asks))
		},
		"stray": func(t *testing.T, to target) []string {
			conn := to.dial(t)
			defer conn.Close()
			id := unique(t, to)
			first := request{Method: "POST", Path: "/pipeline/left?id=" + id, Body: strings.Repeat("b", 3000)}
			io.WriteString(conn, first.head(to.addr, first.Path)+first.content())
			lines := readAnswers(conn, 1)
			second := request{Method: "POST", Path: "/pipeline/second", Body: "second body"}
			head := second.head(to.addr, second.Path)
			io.WriteString(conn, head[:10])
			saw.of("go-" + id) <- "on"
			lines = append(lines, saw.next(id))
			io.WriteString(conn, head[10:]+second.content())
			return append(lines, readAnswers(conn, 1)...)
		},
	},
}

// readAnswers reads n responses.
func readAnswers(conn net.Conn, n int) []string {
	br := bufio.NewReader(conn)
	var lines []string
	for range n {
		var a answer
		readH1(br, &a, false, func() {})
		lines = append(lines, a.lines()...)
	}
	if br.Buffered() > 0 {
		rest, _ := br.Peek(br.Buffered())
		lines = append(lines, fmt.Sprintf("rest %q", bytes.TrimSpace(rest)))
	}
	return lines
}
