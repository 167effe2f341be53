//go:build unix

package runtime_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// scripted is a backend that answers each request with the same bytes and closes.
func scripted(t *testing.T, answer string) *url.URL {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				http.ReadRequest(bufio.NewReader(c))
				io.WriteString(c, answer)
			}()
		}
	}()
	return &url.URL{Scheme: "http", Host: ln.Addr().String()}
}

// A response that is not whole must not look whole.
func TestABrokenResponseArrivesBrokenOnEveryProtocol(t *testing.T) {
	silent := func(u *url.URL) http.Handler {
		p := httputil.NewSingleHostReverseProxy(u)
		p.ErrorLog = nil
		return p
	}
	broken := map[string]http.Handler{
		"/short":   silent(scripted(t, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n123456789")),
		"/chunked": silent(scripted(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n")),
		"/abort":   http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"/panic": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "half")
			panic("oh")
		}),
		"/declared": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "12345")
		}),
		"/nothing": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
		}),
	}
	paths := []string{"/own"}
	onEach(t, func(r *runtime.Router) {
		for path, h := range broken {
			r.Mount("GET "+path, h)
			r.GET("/context"+path, func(ctx runtime.Context) error {
				h.ServeHTTP(ctx.ResponseWriter(), ctx.Request())
				return nil
			})
			paths = append(paths, path)
			if path != "/panic" { // which is answered with 500 where nothing was sent
				paths = append(paths, "/context"+path)
			}
		}
		r.GET("/own", func(runtime.Context) error { panic(http.ErrAbortHandler) })
	}, func(t *testing.T, client *http.Client, url string) {
		for _, path := range paths {
			resp, err := client.Get(url + path)
			if err != nil {
				continue
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err == nil {
				t.Errorf("%s: a whole response: %d %v %q", path, resp.StatusCode, resp.Header, body)
			}
		}
	})
}

func TestMoreThanTheDeclaredLengthIsAnError(t *testing.T) {
	app := program(t, runtime.ServerConfig{EnableKeepAlive: true})
	wrote := make(chan error, 1)
	app.Router().Mount("GET /", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "3")
		io.WriteString(w, "123")
		_, err := io.WriteString(w, "456")
		wrote <- err
	}))
	c := dialHTTP1(t, serving(t, app))
	c.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "123")
	if err := <-wrote; !errors.Is(err, http.ErrContentLength) {
		t.Errorf("the handler got %v", err)
	}
}

func TestMountedHandlersSeeTheRequestAsItIsOnEveryProtocol(t *testing.T) {
	onEach(t, func(r *runtime.Router) {
		sees := func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			_, local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
			_, server := r.Context().Value(http.ServerContextKey).(*http.Server)
			fmt.Fprintln(w, r.ContentLength, r.TransferEncoding, r.Body == http.NoBody || r.ProtoMajor == 2 && r.ContentLength == 0, string(body), err, r.Pattern, r.PathValue("id"), r.Trailer, local, server)
		}
		r.Mount("/at/{id}", http.HandlerFunc(sees))
		r.Handle("", "/own/{id}", func(ctx runtime.Context) error {
			sees(ctx.ResponseWriter(), ctx.Request())
			return nil
		})
	}, func(t *testing.T, client *http.Client, url string) {
		for _, c := range []struct {
			method string
			body   io.Reader
			want   string
		}{
			{"GET", nil, "0 [] true  <nil> /at/{id} 7 map[] true true\n"},
			{"DELETE", nil, "0 [] true  <nil> /at/{id} 7 map[] true true\n"},
			{"POST", strings.NewReader("body"), "4 [] false body <nil> /at/{id} 7 map[] true true\n"},
		} {
			for _, path := range []string{"/at/7", "/own/7", "/at/7", "/own/7"} {
				req, _ := http.NewRequest(c.method, url+path, c.body)
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if got := strings.Replace(string(body), "/own/", "/at/", 1); got != c.want {
					t.Errorf("%s %s: got %q, want %q", c.method, path, got, c.want)
				}
				if c.body != nil {
					c.body.(*strings.Reader).Seek(0, io.SeekStart)
				}
			}
		}
		req, _ := http.NewRequest("POST", url+"/at/7", io.NopCloser(strings.NewReader("body")))
		req.Trailer = http.Header{"X-Sum": {"42"}}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		chunked := "[]"
		if resp.ProtoMajor == 1 {
			chunked = "[chunked]"
		}
		want := "-1 " + chunked + " false body <nil> /at/{id} 7 map[X-Sum:[42]] true true\n"
		if string(body) != want {
			t.Errorf("chunked: got %q, want %q", body, want)
		}
	})
}

// A body that a handler has left to a goroutine belongs to nobody any more when
// the handler has returned.
func TestABodyCannotBeReadAfterItsHandler(t *testing.T) {
	app := program(t, runtime.ServerConfig{EnableKeepAlive: true})
	left := make(chan io.Reader, 1)
	app.Router().Mount("POST /left", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		left <- r.Body
		io.WriteString(w, "early")
	}))
	app.Router().Mount("GET /ok", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	c := dialHTTP1(t, serving(t, app))
	body := strings.Repeat("b", 100<<10)
	for range 3 {
		fmt.Fprintf(c, "POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		c.want("early")
		stray := make(chan error)
		go func() {
			_, err := (<-left).Read(make([]byte, 10))
			stray <- err
		}()
		c.ask("GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", "ok")
		if err := <-stray; !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("the stray reader got %v", err)
		}
	}
}

// rawClient speaks HTTP/1.1 by hand.
type rawClient struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dialHTTP1(t *testing.T, base string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &rawClient{Conn: conn, t: t, r: bufio.NewReader(conn)}
}

func (c *rawClient) want(body string) *http.Response {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); string(got) != body || err != nil {
		c.t.Fatalf("got %d %.100q, %v; want %.100q", resp.StatusCode, got, err, body)
	}
	return resp
}

func (c *rawClient) ask(request, body string) *http.Response {
	c.t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		c.t.Fatal(err)
	}
	return c.want(body)
}

// Requests for handlers of both kinds come in any order, and one behind another.
func TestMountedHandlersAnswerInTheirTurn(t *testing.T) {
	app := program(t, runtime.ServerConfig{EnableKeepAlive: true})
	app.Router().Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "mounted %s", body)
		w.(http.Flusher).Flush()
	}))
	app.Router().Handle("", "/own", func(ctx runtime.Context) error {
		body, _ := io.ReadAll(ctx.Body())
		return ctx.String(200, "own "+string(body))
	})
	base := serving(t, app)
	own, mounted := "GET /own HTTP/1.1\r\nHost: a\r\n\r\n", "GET /mounted HTTP/1.1\r\nHost: a\r\n\r\n"
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	chunks := func(path string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
	}
	large := strings.Repeat("l", 50<<10)
	c := dialHTTP1(t, base)
	go io.WriteString(c, own+own+mounted+own+post("/own", "x")+post("/mounted", large)+mounted+chunks("/mounted")+chunks("/own")+post("/own", large)+mounted)
	for _, want := range []string{"own ", "own ", "mounted ", "own ", "own x", "mounted " + large, "mounted ", "mounted abc", "own abc", "own " + large, "mounted "} {
		c.want(want)
	}
	cut := dialHTTP1(t, base)
	for _, b := range []byte(own + mounted + chunks("/mounted") + own) { // however the bytes are cut
		cut.Write([]byte{b})
	}
	for _, want := range []string{"own ", "mounted ", "mounted abc", "own "} {
		cut.want(want)
	}
}

func TestAConnectionRestsBetweenMountedHandlers(t *testing.T) {
	t.Parallel()
	app := program(t, runtime.ServerConfig{EnableKeepAlive: true})
	app.Router().Mount("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "mounted") }))
	base := serving(t, app)
	c := dialHTTP1(t, base)
	for range 2 {
		c.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "mounted")
		time.Sleep(1500 * time.Millisecond) // connections rest after a second
	}
	c.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "mounted")
	if got := app.Server().Stats(); got.TotalConnections != 1 {
		t.Errorf("%d connections", got.TotalConnections)
	}
}

// What is sent before the connection is taken over arrives, as does what the
// client sent with its request.
func TestWhatWasWrittenBeforeAHijackArrives(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().Mount("GET /ws", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		frame := make([]byte, 6)
		if _, err := io.ReadFull(rw, frame); err != nil {
			t.Error(err)
		}
		conn.Write(frame)
	}))
	c := dialHTTP1(t, serving(t, app))
	frame := "\x81\x05GET /" // looks like no request
	io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"+frame[:6])
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("got %v, %v", resp, err)
	}
	if got, err := io.ReadAll(c.r); string(got) != frame[:6] || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTheBodyIsReadableWhenTheResponseHasBegun(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	begin := strings.Repeat("r", 100<<10)
	app.Router().Mount("POST /", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, begin)
		http.NewResponseController(w).Flush()
		io.Copy(w, r.Body)
	}))
	base := serving(t, app)
	for name, size := range map[string]int{"small": 10, "medium": 100 << 10, "large": 3 << 20} {
		for _, length := range []bool{true, false} {
			body := bytes.Repeat([]byte("b"), size)
			req, _ := http.NewRequest("POST", base, io.NopCloser(bytes.NewReader(body)))
			if length {
				req.ContentLength = int64(size)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if len(got) != len(begin)+size || err != nil {
				t.Errorf("%s, length %v: got %d bytes, %v; want %d", name, length, len(got), err, len(begin)+size)
			}
		}
	}
}

func TestMountedHandlersSetDeadlines(t *testing.T) {
	app := program(t, runtime.ServerConfig{EnableKeepAlive: true})
	found := make(chan error, 1)
	app.Router().Mount("POST /read", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Error(err)
		}
		_, err := io.ReadAll(r.Body)
		found <- err
	}))
	app.Router().Mount("GET /write", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Error(err)
		}
		chunk := make([]byte, 64<<10)
		for {
			if _, err := w.Write(chunk); err != nil {
				found <- err
				return
			}
		}
	}))
	app.Router().Mount("GET /after", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		c.SetReadDeadline(time.Now().Add(time.Hour))
		c.SetWriteDeadline(time.Now().Add(time.Hour))
		io.WriteString(w, "fine")
	}))
	base := serving(t, app)
	fmt.Fprint(dialHTTP1(t, base), "POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
	fmt.Fprint(dialHTTP1(t, base), "GET /write HTTP/1.1\r\nHost: a\r\n\r\n")
	for range 2 {
		if err := <-found; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	}
	c := dialHTTP1(t, base)
	for range 3 { // a deadline holds for its request
		c.ask("GET /after HTTP/1.1\r\nHost: a\r\n\r\n", "fine")
	}
}

func TestAFullDuplexHandlerAnswersBeforeItReads(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().Mount("POST /", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if err := c.EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		io.WriteString(w, "go on ")
		c.Flush()
		io.Copy(w, r.Body)
	}))
	c := dialHTTP1(t, serving(t, app))
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("go on "))
	if _, err := io.ReadFull(resp.Body, first); string(first) != "go on " {
		t.Fatalf("got %q, %v", first, err)
	}
	fmt.Fprint(c, "4\r\nbody\r\n0\r\n\r\n")
	if rest, err := io.ReadAll(resp.Body); string(rest) != "body" || err != nil {
		t.Errorf("got %q, %v", rest, err)
	}
}

// A handler that ignores the body answers only what is well-formed.
func TestMalformedBodiesAreRefusedBeforeMountedHandlersAnswer(t *testing.T) {
	app := program(t, runtime.ServerConfig{EnableKeepAlive: true})
	app.Router().Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ignored") }))
	app.Router().Handle("", "/own", func(ctx runtime.Context) error { return ctx.String(200, "ignored") })
	base := serving(t, app)
	for _, path := range []string{"/mounted", "/own"} {
		for _, body := range []string{"xyz\r\nhello\r\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "0\r\nA b: c\r\n\r\n"} {
			c := dialHTTP1(t, base)
			resp := c.ask("POST "+path+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"+body, "malformed request\n")
			if resp.StatusCode != 400 || !resp.Close {
				t.Errorf("%s %q: got %d, close %v", path, body, resp.StatusCode, resp.Close)
			}
		}
		c := dialHTTP1(t, base)
		for range 2 {
			c.ask("POST "+path+" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "ignored")
		}
	}
}

func TestAMountedHandlerIsToldThatItsClientHasGone(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	begun, ended := make(chan struct{}), make(chan error, 1)
	app.Router().Mount("/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	}))
	c := dialHTTP1(t, serving(t, app))
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-begun
	c.Close()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("it was not told")
	}
}

// A client that takes nothing does not hold a handler up beyond its deadline.
func TestAWriteDeadlineEndsAResponseOnEveryProtocol(t *testing.T) {
	t.Parallel()
	failed := make(chan error, 1)
	onEach(t, func(r *runtime.Router) {
		r.Mount("GET /", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			c := http.NewResponseController(w)
			if err := c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
				t.Error(err)
			}
			chunk := make([]byte, 64<<10)
			for {
				if _, err := w.Write(chunk); err != nil {
					failed <- err
					return
				}
			}
		}))
	}, func(t *testing.T, client *http.Client, url string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		select {
		case <-failed:
		case <-time.After(10 * time.Second):
			t.Error("the handler still writes")
			cancel()
			<-failed
		}
		cancel()
	})
}

// What the protocol forbids is not sent.
func TestFieldsOfTheConnectionAreLeftOutOnEveryProtocol(t *testing.T) {
	onEach(t, func(r *runtime.Router) {
		r.Mount("GET /", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			w.Header().Set("Keep-Alive", "timeout=5")
			w.WriteHeader(http.StatusOK)
			w.Write(bytes.Repeat([]byte("text "), 10_000))
		}))
	}, func(t *testing.T, client *http.Client, url string) {
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if len(body) != 50_000 || err != nil || resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("got %d bytes, %v, header %v", len(body), err, resp.Header)
		}
	})
}
