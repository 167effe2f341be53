package pool_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

// answerOf sends a GET and tells what came of it: status, body, and whether the
// response broke off.
func answerOf(t *testing.T, addr string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: "GET"})
	if err != nil {
		return "broken"
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "broken"
	}
	if resp.StatusCode == http.StatusBadGateway {
		return "502"
	}
	return fmt.Sprintf("%d %.12q", resp.StatusCode, body)
}

// TestBackendsThatLie: whatever a backend makes up, its client gets a response
// that is whole and unambiguous, one that visibly breaks off, or 502.
func TestBackendsThatLie(t *testing.T) {
	const start, abc = "HTTP/1.1 200 OK\r\n", "Content-Length: 3\r\n\r\nabc"
	const chunks = "\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
	for name, tc := range map[string]struct{ answer, want string }{
		"length and coding":          {start + "Content-Length: 5\r\nTransfer-Encoding: chunked" + chunks, `200 "abc"`},
		"two lengths":                {start + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", `502`},
		"list of lengths":            {start + "Content-Length: 3, 3\r\n\r\nabc", `502`},
		"negative length":            {start + "Content-Length: -3\r\n\r\nabc", `502`},
		"signed length":              {start + "Content-Length: +3\r\n\r\nabc", `502`},
		"unknown coding":             {start + "Transfer-Encoding: xchunked" + chunks, `502`},
		"two codings":                {start + "Transfer-Encoding: gzip, chunked" + chunks, `502`},
		"coding in HTTP/1.0":         {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked" + chunks, `200 "3\r\nabc\r\n0\r\n\r"`},
		"chunk without a size":       {start + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n", `broken`},
		"short chunk":                {start + "Transfer-Encoding: chunked\r\n\r\n5\r\nabc", `broken`},
		"no last chunk":              {start + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", `broken`},
		"short body":                 {start + "Content-Length: 10\r\n\r\nabc", `502`},
		"short streamed body":        {start + "Content-Length: 100000\r\n\r\nabc", `broken`},
		"second response":            {start + abc + start + "Content-Length: 6\r\n\r\nPOISON", `200 "abc"`},
		"204 with a body":            {"HTTP/1.1 204 No Content\r\n" + abc, `204 ""`},
		"304 with a length":          {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\nETag: \"x\"\r\n\r\n", `304 ""`},
		"until close":                {start + "\r\nuntil close", `200 "until close"`},
		"until close in HTTP/1.0":    {"HTTP/1.0 200 OK\r\n\r\nuntil close", `200 "until close"`},
		"folded field":               {start + "X-A: a\r\n b\r\n" + abc, `200 "abc"`},
		"bare LF":                    {"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", `502`},
		"NUL":                        {start + "X-A: a\x00b\r\n" + abc, `502`},
		"bare CR":                    {start + "X-A: a\rX-B: c\r\n" + abc, `502`},
		"blank before a colon":       {start + "Content-Length : 3\r\nX-A : b\r\n\r\nabc", `200 "abc"`},
		"no colon":                   {start + "foo\r\n" + abc, `502`},
		"no reason":                  {"HTTP/1.1 200\r\n" + abc, `200 "abc"`},
		"status of two digits":       {"HTTP/1.1 99 X\r\n" + abc, `502`},
		"status of four digits":      {"HTTP/1.1 1000 X\r\n" + abc, `502`},
		"status with a zero":         {"HTTP/1.1 0200 X\r\n" + abc, `502`},
		"status 600":                 {"HTTP/1.1 600 X\r\n" + abc, `600 "abc"`},
		"status 000":                 {"HTTP/1.1 000 X\r\n" + abc, `502`},
		"status 099":                 {"HTTP/1.1 099 X\r\n" + abc, `502`},
		"status 999":                 {"HTTP/1.1 999 X\r\n" + abc, `999 "abc"`},
		"other version":              {"HTTP/2.0 200 OK\r\n" + abc, `200 "abc"`},
		"not HTTP":                   {"lkjasdlkjasd\r\n\r\n", `502`},
		"nothing":                    {"", `502`},
		"many interim responses":     {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10) + start + abc, `200 "abc"`},
		"too many interim responses": {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100) + start + abc, `502`},
		"switch unasked":             {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: upgrade\r\n\r\nraw", `502`},
		"header of 60 KB":            {start + "X-A: " + strings.Repeat("a", 60000) + "\r\n" + abc, `200 "abc"`},
		"header of 1 MB":             {start + "X-A: " + strings.Repeat("a", 1000000) + "\r\n" + abc, `502`},
		"plain":                      {start + "X-A: a\r\n" + abc, `200 "abc"`},
		"escape in the reason":       {"HTTP/1.1 200 O\x1b[31mK\r\n" + abc, `502`},
		"escape in a field":          {start + "X-A: \x1b[31m\r\n" + abc, `502`},
		"escape in a trailer":        {start + "Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: \x1b[31m\r\n\r\n", `broken`},
		"framing in a trailer":       {start + "Trailer: Content-Length\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n", `502`},
		"DEL in a field":             {start + "X-A: \x7f\r\n" + abc, `502`},
		"tab in a field":             {start + "X-A: a\tb\r\n" + abc, `200 "abc"`},
		"bytes above ASCII":          {start + "X-A: \xfc\r\n" + abc, `200 "abc"`},
	} {
		t.Run(name, func(t *testing.T) {
			url := script(t, func(n int, c net.Conn, r *bufio.Reader) {
				if _, err := readRaw(r); err == nil {
					_, _ = io.WriteString(c, tc.answer)
				}
			})
			p := newPool(t, pool.Config{ReadTimeout: 10 * time.Second, Backends: []pool.BackendConfig{{Name: "a", URL: url}}})
			if got := answerOf(t, serve(t, p)); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			eventually(t, settled(p))
		})
	}
}
