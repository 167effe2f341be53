//go:build unix

package runtime_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// bothWays serves a plain handler mounted, and called by a handler of ours with
// the ResponseWriter of its Context.
func bothWays(r *runtime.Router, method string, h http.HandlerFunc) {
	r.Mount(method+" /mounted", h)
	r.Handle(method, "/context", func(ctx runtime.Context) error {
		h(ctx.ResponseWriter(), ctx.Request())
		return nil
	})
}

var ways = []string{"/mounted", "/context"}

func TestPlainHandlersStreamOnEveryProtocol(t *testing.T) {
	proceed := make(chan struct{})
	onEach(t, func(r *runtime.Router) {
		bothWays(r, "GET", func(w http.ResponseWriter, q *http.Request) {
			fmt.Fprintln(w, "one")
			w.(http.Flusher).Flush()
			<-proceed
			fmt.Fprintln(w, "two")
		})
	}, func(t *testing.T, client *http.Client, url string) {
		for range 2 { // on the same connection
			for _, way := range ways {
				resp, err := client.Get(url + way)
				if err != nil {
					t.Fatal(err)
				}
				lines := bufio.NewReader(resp.Body)
				if line, err := lines.ReadString('\n'); line != "one\n" {
					t.Fatalf("%s: before the handler's end: %q, %v", way, line, err)
				}
				proceed <- struct{}{}
				if rest, err := io.ReadAll(lines); string(rest) != "two\n" || err != nil {
					t.Errorf("%s: afterwards: %q, %v", way, rest, err)
				}
				resp.Body.Close()
			}
		}
	})
}

func TestPlainHandlersSendTrailersOnEveryProtocol(t *testing.T) {
	onEach(t, func(r *runtime.Router) {
		bothWays(r, "GET", func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Trailer", "X-Sum, X-Unset")
			fmt.Fprint(w, "body")
			if q.FormValue("flush") != "" {
				w.(http.Flusher).Flush()
			}
			w.Header().Set("X-Sum", "42")
			w.Header().Set(http.TrailerPrefix+"X-Late", "7")
		})
	}, func(t *testing.T, client *http.Client, url string) {
		for _, way := range ways {
			for _, query := range []string{"", "?flush=1"} {
				resp, err := client.Get(url + way + query)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(body) != "body" || err != nil || resp.Header.Get("X-Sum") != "" ||
					resp.Trailer.Get("X-Sum") != "42" || resp.Trailer.Get("X-Late") != "7" {
					t.Errorf("%s: got %q, %v, trailer %v, header %v", way+query, body, err, resp.Trailer, resp.Header)
				}
			}
		}
	})
}

func TestInformationalResponsesReachTheClientOnEveryProtocol(t *testing.T) {
	informed := make(chan struct{}, 1)
	onEach(t, func(r *runtime.Router) {
		bothWays(r, "GET", func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			<-informed // or the test's client gives up
			w.Header().Set("Link", "</other.css>")
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, "body")
		})
	}, func(t *testing.T, client *http.Client, url string) {
		for _, way := range ways {
			var hints []string
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					hints = append(hints, fmt.Sprint(code, " ", header.Get("Link")))
					informed <- struct{}{}
					return nil
				},
			})
			req, _ := http.NewRequestWithContext(ctx, "GET", url+way, nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if got := fmt.Sprint(resp.StatusCode, " ", resp.Header["Link"], string(body)); got != "202 [</other.css>]body" || err != nil {
				t.Errorf("%s: got %q, %v", way, got, err)
			}
			if got := strings.Join(hints, ","); got != "103 </style.css>; rel=preload" {
				t.Errorf("%s: informed of %q", way, got)
			}
		}
	})
}

func TestClientsThatExpectAContinueGetItOnEveryProtocol(t *testing.T) {
	onEach(t, func(r *runtime.Router) {
		bothWays(r, "POST", func(w http.ResponseWriter, q *http.Request) {
			body, err := io.ReadAll(q.Body)
			fmt.Fprint(w, string(body), err)
		})
	}, func(t *testing.T, client *http.Client, url string) {
		for _, way := range ways {
			told := make(chan struct{})
			ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
					if code == http.StatusContinue {
						close(told)
					}
					return nil
				},
			})
			req, _ := http.NewRequestWithContext(ctx, "POST", url+way, &waitsToBeTold{wait: told, Reader: strings.NewReader("body")})
			req.Header.Set("Expect", "100-continue")
			resp, err := client.Do(req)
			if err != nil {
				t.Fatalf("%s: %v", way, err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(body) != "body<nil>" {
				t.Errorf("%s: got %q", way, body)
			}
		}
	})
}

// waitsToBeTold has nothing to read until it may.
type waitsToBeTold struct {
	wait chan struct{}
	io.Reader
}

func (p *waitsToBeTold) Read(b []byte) (int, error) {
	select {
	case <-p.wait:
		return p.Reader.Read(b)
	case <-time.After(5 * time.Second):
		return 0, errors.New("the server did not say that it goes on")
	}
}

// streaming serves plain handlers that flush in different ways, on HTTP/1.1.
func streaming(t *testing.T) (addr string) {
	app := program(t, runtime.ServerConfig{})
	for path, h := range map[string]func(w http.ResponseWriter){
		"/chunks": func(w http.ResponseWriter) {
			fmt.Fprint(w, "one ")
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "two")
		},
		"/sized": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "7")
			w.(http.Flusher).Flush()
			fmt.Fprint(w, "one ")
			fmt.Fprint(w, "two")
			if _, err := fmt.Fprint(w, "more"); !errors.Is(err, http.ErrContentLength) {
				t.Errorf("more than was announced: %v", err)
			}
		},
		"/short": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "7")
			fmt.Fprint(w, "one")
			w.(http.Flusher).Flush()
		},
		"/panic": func(w http.ResponseWriter) {
			fmt.Fprint(w, "one ")
			w.(http.Flusher).Flush()
			panic("oh")
		},
		"/empty": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusNoContent)
			w.(http.Flusher).Flush()
		},
		"/hint": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusEarlyHints)
			fmt.Fprint(w, "hinted")
		},
	} {
		app.Router().Handle("", path, func(ctx runtime.Context) error {
			h(ctx.ResponseWriter())
			return nil
		})
	}
	return strings.TrimPrefix(serving(t, app), "http://")
}

func TestFlushedResponsesKeepTheOrderOfAConnection(t *testing.T) {
	addr := streaming(t)
	for name, one := range map[string]struct {
		method, path, extra string
		bodies              []string
		closed              bool
	}{
		"chunks":    {path: "/chunks", bodies: []string{"one two", "one two", "one two"}},
		"sized":     {path: "/sized", bodies: []string{"one two", "one two"}},
		"head":      {method: "HEAD", path: "/chunks", bodies: []string{"", ""}},
		"no body":   {path: "/empty", bodies: []string{"", ""}},
		"hints":     {path: "/hint", bodies: []string{"hinted", "hinted", "hinted"}},
		"last":      {path: "/chunks", extra: "Connection: close\r\n", bodies: []string{"one two"}, closed: true},
		"too short": {path: "/short", bodies: []string{"one!"}, closed: true},
		"panic":     {path: "/panic", bodies: []string{"one !"}, closed: true},
	} {
		for _, pipelined := range []bool{false, true} {
			if pipelined && (one.path == "/panic" || one.path == "/short" || one.path == "/sized") {
				continue // what waits for its turn is as long as it is
			}
			t.Run(fmt.Sprintf("%s pipelined %v", name, pipelined), func(t *testing.T) {
				c, r := dialRaw(t, addr)
				if one.method == "" {
					one.method = "GET"
				}
				request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", one.method, one.path, one.extra)
				if pipelined {
					io.WriteString(c, strings.Repeat(request, len(one.bodies)))
				}
				for i, want := range one.bodies {
					if !pipelined {
						io.WriteString(c, request)
					}
					if got := readFinal(t, r, one.method); got != want {
						t.Fatalf("response %d: %q, want %q", i, got, want)
					}
				}
				if !one.closed {
					fmt.Fprint(c, "GET /sized HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
					if got := readFinal(t, r, "GET"); got != "one two" {
						t.Errorf("afterwards: %q", got)
					}
				}
				if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
					t.Errorf("at the end: %q, %v", rest, err)
				}
			})
		}
	}
}

func TestFlushedResponsesOverHTTP10EndTheConnection(t *testing.T) {
	c, r := dialRaw(t, streaming(t))
	fmt.Fprint(c, "GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
	all, err := io.ReadAll(r)
	header, body, _ := strings.Cut(string(all), "\r\n\r\n")
	if err != nil || body != "one two" || strings.Contains(header, "chunked") {
		t.Errorf("got %q, %v", all, err)
	}
}

func TestAClientThatLeavesEndsAFlushedResponse(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	ended := make(chan error, 1)
	app.Router().GET("/endless", func(ctx runtime.Context) error {
		w := ctx.ResponseWriter()
		for ctx.Context().Err() == nil {
			io.WriteString(w, "on and on\n")
			http.NewResponseController(w).Flush()
		}
		ended <- context.Cause(ctx.Context())
		return nil
	})
	resp, err := http.Get(serving(t, app) + "/endless")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the handler was not told that its client has gone")
	}
}

func dialRaw(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c, bufio.NewReader(c)
}

// readFinal gives the body of the next response that is not informational, with
// an exclamation mark if it is not whole.
func readFinal(t *testing.T, r *bufio.Reader, method string) string {
	t.Helper()
	for {
		resp, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			body = append(body, '!')
		}
		if resp.StatusCode >= 200 {
			return string(body)
		}
	}
}
