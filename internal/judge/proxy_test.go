package judge_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
)

func init() { subjects = append(subjects, proxies, brokenBackends, staleBackends) }

// reverse is a ReverseProxy to a backend, without a log.
func reverse(backend string) http.Handler {
	u, err := url.Parse(backend)
	if err != nil {
		panic(err)
	}
	return &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(u); r.SetXForwarded(); r.Out.Header.Del("User-Agent") },
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// proxies pass a whole backend on.
var proxies = subject{
	name: "proxy",
	mount: on(lazily(func() http.Handler {
		backend := http.NewServeMux()
		backend.HandleFunc("/inspect", func(w http.ResponseWriter, r *http.Request) {
			for _, forwarded := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "Accept-Encoding"} {
				r.Header.Del(forwarded)
			}
			body, err := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s length %d encoding %v body %q %v trailer %v\n", r.Method, r.RequestURI,
				r.ContentLength, r.TransferEncoding, body, err, fields(r.Trailer))
			fmt.Fprintln(w, fields(r.Header))
		})
		backend.HandleFunc("/hints", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "hinted")
		})
		backend.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			stream(w)
			w.Header().Set("X-Sum", "7")
			w.Header().Set(http.TrailerPrefix+"X-Late", "8")
		})
		backend.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, large) })
		backend.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
		return reverse(httptest.NewServer(backend).URL)
	})),
	asks: map[string]request{
		"get":      {Path: "/inspect?a=1;b=2&c=%zz"},
		"head":     {Method: "HEAD", Path: "/inspect"},
		"post":     {Method: "POST", Path: "/inspect", Body: "0123456789"},
		"chunked":  {Method: "POST", Path: "/inspect", Body: "0123456789", Length: "chunked"},
		"trailer":  {Method: "POST", Path: "/inspect", Body: "0123456789", Trailer: [][2]string{{"X-Up", "1"}}},
		"empty":    {Method: "POST", Path: "/inspect", Length: "0"},
		"expect":   {Method: "POST", Path: "/inspect", Body: "0123456789", Expect: true},
		"hints":    {Path: "/hints"},
		"trailers": {Path: "/trailers"},
		"large":    {Path: "/large"},
		"early":    {Method: "POST", Path: "/early", Body: strings.Repeat("b", 30000)},
		"missing":  {Path: "/missing"},
		"hop":      {Path: "/inspect", Header: [][2]string{{"Te", "trailers"}, {"X-Kept", "yes"}}},
	},
}

// brokenBackends end in the middle of what they say. They name a type: a reverse
// proxy flushes a response of unknown length at once, before or after its type is
// sniffed.
var brokenBackends = subject{
	name: "broken",
	mount: func(m mounter, prefix string) {
		for name, says := range map[string]string{
			"length":   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\n9 bytes..",
			"chunk":    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf of it",
			"chunks":   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
			"large":    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 500000\r\n\r\n" + large,
			"header":   "HTTP/1.1 200 OK\r\nContent-Le",
			"nothing":  "",
			"garbage":  "what is this\r\n\r\n",
			"close":    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nuntil the end",
			"1.0":      "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
			"badchunk": "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nwhole\r\n",
		} {
			m.Mount(prefix+"/"+name, lazily(func() http.Handler { return reverse(saying(says)) }))
		}
	},
	asks: map[string]request{
		"length": {Path: "/length"}, "chunk": {Path: "/chunk"}, "chunks": {Path: "/chunks"}, "large": {Path: "/large"},
		"header": {Path: "/header"}, "nothing": {Path: "/nothing"}, "garbage": {Path: "/garbage"}, "close": {Path: "/close"},
		"1.0": {Path: "/1.0"}, "badchunk": {Path: "/badchunk"}, "post": {Method: "POST", Path: "/length", Body: "x"},
	},
}

// saying is a backend that answers each connection with the same bytes and
// closes it.
func saying(says string) (at string) {
	return backend(func(conn net.Conn, request func() bool) {
		if request() {
			io.WriteString(conn, says)
		}
	})
}

// backend serves connections that it takes apart by hand. request reads one
// request without a body.
func backend(serve func(conn net.Conn, request func() bool)) (at string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				br := bufio.NewReader(conn)
				serve(conn, func() bool {
					r, err := http.ReadRequest(br)
					if err == nil {
						io.Copy(io.Discard, r.Body)
					}
					return err == nil
				})
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

// staleBackends close a connection that they have promised to keep.
var staleBackends = subject{
	name: "stale",
	mount: on(lazily(func() http.Handler {
		return reverse(backend(func(conn net.Conn, request func() bool) {
			for range 2 { // then without a word
				if !request() {
					return
				}
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			}
			request()
		}))
	})),
	talks: map[string]func(*testing.T, target) []string{"gets": func(t *testing.T, to target) []string {
		client, counts := to.client(t), map[string]int{}
		for range 60 {
			resp, err := client.Get(to.url("/stale/"))
			if err != nil {
				counts[err.Error()]++
				continue
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			counts[resp.Status[:3]]++
		}
		return []string{fmt.Sprint(counts)}
	}},
}
