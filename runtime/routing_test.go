//go:build unix

package runtime_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

func TestRoutesAnswerAsTheirHandlersSay(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	r := app.Router()
	r.GET("/text", func(ctx runtime.Context) error { return ctx.String(201, "text") })
	r.GET("/json", func(ctx runtime.Context) error { return ctx.JSON(200, map[string]int{"n": 1}) })
	r.GET("/bytes", func(ctx runtime.Context) error { return ctx.Bytes(200, "image/x", []byte{1, 2}) })
	r.GET("/stream", func(ctx runtime.Context) error { return ctx.Stream(200, "text/plain", strings.NewReader("flow")) })
	r.GET("/away", func(ctx runtime.Context) error { return ctx.Redirect(303, "/text") })
	r.GET("/nothing", func(ctx runtime.Context) error { return ctx.NoContent(204) })
	r.GET("/users/{id}/posts/{rest...}", func(ctx runtime.Context) error {
		return ctx.String(200, ctx.Param("id")+"|"+ctx.Param("rest")+"|"+ctx.Param("none"))
	})
	r.GET("/ask", func(ctx runtime.Context) error { return ctx.String(200, ctx.Query("q")+ctx.Header("X-Way")) })
	r.POST("/echo", func(ctx runtime.Context) error {
		body, err := io.ReadAll(ctx.Body())
		if err != nil {
			return err
		}
		return ctx.Bytes(200, "text/plain", body)
	})
	r.POST("/bind", func(ctx runtime.Context) error {
		var v struct{ Name string }
		if err := ctx.Bind(&v); err != nil {
			return err
		}
		return ctx.String(200, v.Name)
	})
	r.GET("/header", func(ctx runtime.Context) error {
		ctx.SetHeader("X-Own", "yes")
		return ctx.String(200, "")
	})
	r.GET("/plain", func(ctx runtime.Context) error {
		w := ctx.ResponseWriter()
		w.Header().Add("X-Two", "a")
		w.Header().Add("X-Two", "b")
		w.WriteHeader(202)
		_, err := io.WriteString(w, ctx.Request().URL.Path+ctx.Request().FormValue("q"))
		return err
	})
	r.GET("/status", func(ctx runtime.Context) error {
		ctx.Status(418)
		_, err := io.WriteString(ctx.ResponseWriter(), "tea")
		return err
	})
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS"} {
		register := map[string]func(string, runtime.HandlerFunc){"PUT": r.PUT, "PATCH": r.PATCH, "DELETE": r.DELETE, "OPTIONS": r.OPTIONS}[method]
		register("/method", func(ctx runtime.Context) error { return ctx.String(200, method) })
	}
	r.HEAD("/method", func(ctx runtime.Context) error { ctx.SetHeader("X-Own", "head"); return ctx.NoContent(200) })
	base := serving(t, app)
	for _, c := range []struct {
		method, target, body string
		status               int
		want, header         string
	}{
		{"GET", "/text", "", 201, "text", "Content-Type: text/plain; charset=utf-8"},
		{"GET", "/json", "", 200, `{"n":1}`, "Content-Type: application/json"},
		{"GET", "/bytes", "", 200, "\x01\x02", "Content-Type: image/x"},
		{"GET", "/stream", "", 200, "flow", ""},
		{"GET", "/away", "", 303, "", "Location: /text"},
		{"GET", "/nothing", "", 204, "", ""},
		{"GET", "/users/a%2Fb/posts/x/y", "", 200, "a/b|x/y|", ""},
		{"GET", "/ask?q=a%20b", "", 200, "a b", ""},
		{"POST", "/echo", "say it", 200, "say it", ""},
		{"POST", "/bind", `{"name":"Ann"}`, 200, "Ann", ""},
		{"POST", "/bind", `{"name":`, 400, "the body is not valid JSON for this request\n", ""},
		{"POST", "/bind", `{} {}`, 400, "the body continues after its JSON\n", ""},
		{"GET", "/header", "", 200, "", "X-Own: yes"},
		{"GET", "/plain?q=1", "", 202, "/plain1", "X-Two: a,b"},
		{"GET", "/status", "", 418, "tea", ""},
		{"PUT", "/method", "", 200, "PUT", ""},
		{"PATCH", "/method", "", 200, "PATCH", ""},
		{"DELETE", "/method", "", 200, "DELETE", ""},
		{"OPTIONS", "/method", "", 200, "OPTIONS", ""},
		{"HEAD", "/method", "", 200, "", "X-Own: head"},
		{"HEAD", "/text", "", 201, "", ""},
		{"POST", "/text", "", 405, "Method Not Allowed\n", ""},
		{"GET", "/none", "", 404, "404 page not found\n", ""},
	} {
		status, body, header := fetch(t, c.method, base+c.target, c.body)
		if status != c.status || body != c.want {
			t.Errorf("%s %s: got %d %q, want %d %q", c.method, c.target, status, body, c.status, c.want)
		}
		if name, want, ok := strings.Cut(c.header, ": "); ok && strings.Join(header.Values(name), ",") != want {
			t.Errorf("%s %s: %s is %q, want %q", c.method, c.target, name, header.Values(name), want)
		}
	}
}

func TestAFormIsBound(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().POST("/form", func(ctx runtime.Context) error {
		var form url.Values
		if err := ctx.Bind(&form); err != nil {
			return err
		}
		return ctx.String(200, form.Get("name"))
	})
	base := serving(t, app)
	resp, err := http.PostForm(base+"/form", url.Values{"name": {"Ann & Bob"}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "Ann & Bob" {
		t.Errorf("got %q", body)
	}
}

func TestErrorsAndPanicsBecomeOneLine(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	r := app.Router()
	r.GET("/secret", func(ctx runtime.Context) error {
		ctx.String(200, "half an answer")
		return errors.New("the password is 1234")
	})
	r.GET("/stated", func(ctx runtime.Context) error {
		return fmt.Errorf("wrapped: %w", &runtime.HTTPError{Status: 404, Message: "no such user"})
	})
	r.GET("/usual", func(ctx runtime.Context) error { return &runtime.HTTPError{Status: 409} })
	r.GET("/panic", func(ctx runtime.Context) error { panic("oh") })
	r.Mount("/mounted", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") }))
	base := serving(t, app)
	for target, want := range map[string]string{
		"/secret": "500 internal server error\n", "/stated": "404 no such user\n",
		"/usual": "409 conflict\n", "/panic": "500 internal server error\n", "/mounted": "500 internal server error\n",
	} {
		status, body, _ := fetch(t, "GET", base+target, "")
		if got := fmt.Sprintf("%d %s", status, body); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	if status, _, _ := fetch(t, "GET", base+"/usual", ""); status != 409 {
		t.Errorf("after a panic: %d", status)
	}
}

func TestMiddlewareWrapsItsGroupFromOutsideIn(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	mark := func(word string) runtime.Middleware {
		return func(next runtime.HandlerFunc) runtime.HandlerFunc {
			return func(ctx runtime.Context) error {
				ctx.SetHeader("X-Way", ctx.Header("X-None")+word)
				w := ctx.ResponseWriter()
				w.Header().Add("X-Order", word)
				return next(ctx)
			}
		}
	}
	r := app.Router()
	api := r.Group("/api", mark("api"))
	v1 := api.Group("/v1")
	v1.GET("/x", func(ctx runtime.Context) error {
		_, err := io.WriteString(ctx.ResponseWriter(), "x")
		return err
	})
	r.GET("/y", func(ctx runtime.Context) error {
		_, err := io.WriteString(ctx.ResponseWriter(), "y")
		return err
	})
	v1.Use(mark("v1"), mark("last"))
	r.Use(mark("root")) // order of registration does not matter
	base := serving(t, app)
	_, _, header := fetch(t, "GET", base+"/api/v1/x", "")
	if got := strings.Join(header.Values("X-Order"), " "); got != "root api v1 last" {
		t.Errorf("x went through %q", got)
	}
	_, _, header = fetch(t, "GET", base+"/y", "")
	if got := strings.Join(header.Values("X-Order"), " "); got != "root" {
		t.Errorf("y went through %q", got)
	}
}

func TestMistakesInRoutesPanic(t *testing.T) {
	nothing := func(ctx runtime.Context) error { return nil }
	for name, mistake := range map[string]func(*runtime.Router){
		"twice":       func(r *runtime.Router) { r.GET("/a", nothing); r.GET("/a", nothing) },
		"no slash":    func(r *runtime.Router) { r.GET("a", nothing) },
		"colon":       func(r *runtime.Router) { r.GET("/users/:id", nothing) },
		"unbalanced":  func(r *runtime.Router) { r.GET("/{id", nothing) },
		"no handler":  func(r *runtime.Router) { r.GET("/a", nil) },
		"bad group":   func(r *runtime.Router) { r.Group("api") },
		"nil mounted": func(r *runtime.Router) { r.Mount("/a", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			mistake(program(t, runtime.ServerConfig{}).Router())
		})
	}
	t.Run("too late", func(t *testing.T) {
		app := program(t, runtime.ServerConfig{})
		serving(t, app)
		defer func() {
			if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "register it before") {
				t.Errorf("got %v", r)
			}
		}()
		app.Router().GET("/late", nothing)
	})
}

func TestAPlainHandlerMounts(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	r := app.Router()
	r.Mount("/dir/", http.StripPrefix("/dir", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		fmt.Fprintf(w, "<html>%s %s %s %v %s", q.Method, q.URL, body, err, q.Host)
	})))
	r.Group("/api").Mount("POST /made/{id}", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("X-Id", q.PathValue("id"))
		w.WriteHeader(http.StatusCreated)
	}))
	r.Mount("GET /large", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		for range 64 {
			io.WriteString(w, strings.Repeat("x", 16<<10))
		}
	}))
	base := serving(t, app)
	status, body, header := fetch(t, "POST", base+"/dir/a?b=c", "content")
	if want := "<html>POST /a?b=c content <nil> " + strings.TrimPrefix(base, "http://"); status != 200 || body != want {
		t.Errorf("got %d %q, want %q", status, body, want)
	}
	if got := header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("the type was taken for %q", got)
	}
	if status, _, header := fetch(t, "POST", base+"/api/made/7", ""); status != 201 || header.Get("X-Id") != "7" {
		t.Errorf("got %d, id %q", status, header.Get("X-Id"))
	}
	if status, body, _ := fetch(t, "GET", base+"/large", ""); status != 200 || len(body) != 1<<20 {
		t.Errorf("got %d and %d bytes", status, len(body))
	}
}

func TestAMountedHandlerFlushes(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	proceed, ended := make(chan struct{}), make(chan error, 1)
	app.Router().Mount("GET /events", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		io.WriteString(w, "one\n")
		w.(http.Flusher).Flush()
		<-proceed
		io.WriteString(w, "two\n")
	}))
	app.Router().Mount("GET /endless", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		for q.Context().Err() == nil {
			io.WriteString(w, "on and on\n")
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
		ended <- q.Context().Err()
	}))
	base := serving(t, app)
	resp, err := http.Get(base + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "one\n" {
		t.Fatalf("before the handler's end: %q, %v", line, err)
	}
	close(proceed)
	if line, err := lines.ReadString('\n'); line != "two\n" {
		t.Errorf("afterwards: %q, %v", line, err)
	}
	endless, err := http.Get(base + "/endless")
	if err != nil {
		t.Fatal(err)
	}
	endless.Body.Close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the handler was not told that its client has gone")
	}
}

func TestAMountedHandlerHijacks(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().Mount("GET /raw", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		rw.Flush()
		line, _ := rw.ReadString('\n')
		fmt.Fprintf(conn, "you said %s", line)
	}))
	base := serving(t, app)
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "GET /raw HTTP/1.1\r\nHost: x\r\n\r\nhello\n")
	got, err := io.ReadAll(conn)
	if want := "HTTP/1.1 101 Switching Protocols\r\n\r\nyou said hello\n"; string(got) != want || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
