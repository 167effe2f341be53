//go:build unix

package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime"
)

func say(text string) runtime.HandlerFunc {
	return func(ctx runtime.Context) error { return ctx.String(200, text) }
}

func word(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

func TestASlashIsThatPathAlone(t *testing.T) {
	onEach(t, func(r *runtime.Router) {
		r.GET("/", say("home"))
		r.Mount("/metrics", word("metrics"))
		api := r.Group("/api")
		api.GET("/", say("api"))
		api.Mount("/v1/", word("v1"))
	}, func(t *testing.T, client *http.Client, url string) {
		for path, want := range map[string]string{
			"/": "200 home", "/?q=1": "200 home", "/metrics": "200 metrics", "/none": "404 404 page not found\n",
			"/api/": "200 api", "/api": "200 api", "/api/none": "404 404 page not found\n", "/api/v1/x": "200 v1",
		} {
			resp, body := answer(t, client, url+path)
			if got := fmt.Sprint(resp.StatusCode, " ", body); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
		}
	})
}

func TestASlashThatIsMountedIsEverythingElse(t *testing.T) {
	app := program(t, runtime.ServerConfig{})
	app.Router().GET("/", say("home"))
	app.Router().Mount("/", word("mounted"))
	app.Router().POST("/x", say("posted"))
	base := serving(t, app)
	for target, want := range map[string]string{"GET /": "home", "POST /": "mounted", "GET /a/b": "mounted", "GET /x": "mounted", "POST /x": "posted"} {
		method, path, _ := strings.Cut(target, " ")
		if _, body, _ := fetch(t, method, base+path, ""); body != want {
			t.Errorf("%s: got %q, want %q", target, body, want)
		}
	}
}

func TestASlashInAConfigIsEverythingBelow(t *testing.T) {
	app := open(t, strings.ReplaceAll(inProcess, "GET /hello", "/"))
	if status, body, _ := fetch(t, "GET", "http://"+info(t, app, "web").Address+"/a/b", ""); status != 200 {
		t.Errorf("got %d %q", status, body)
	}
}

func TestAConflictSaysWhatHelps(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "append {$}") {
			t.Errorf("got %q", p)
		}
	}()
	r := program(t, runtime.ServerConfig{}).Router()
	r.GET("/files/", say("all"))
	r.Mount("/files/one", word("one"))
}

// recording is middleware of net/http that notes what passes, as a logger does.
type recording struct {
	mu   sync.Mutex
	seen []string
}

type recordedWriter struct {
	http.ResponseWriter
	status int
}

func (w *recordedWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *recordedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type callerKey struct{}

func (l *recording) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := &recordedWriter{w, 200}
		w.Header().Set("X-Recorded", "yes")
		next.ServeHTTP(recorded, r.WithContext(context.WithValue(r.Context(), callerKey{}, "caller")))
		l.mu.Lock()
		defer l.mu.Unlock()
		l.seen = append(l.seen, fmt.Sprint(r.Method, " ", r.URL.Path, " ", recorded.status))
	})
}

func (l *recording) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.seen) == 0 {
		return ""
	}
	return l.seen[len(l.seen)-1]
}

var errNoSuchUser = errors.New("no such user")

func TestMiddlewareSeesWhatNoRouteAnswers(t *testing.T) {
	var log recording
	onEach(t, func(r *runtime.Router) {
		r.Use(func(next runtime.HandlerFunc) runtime.HandlerFunc {
			return func(ctx runtime.Context) error {
				ctx.SetHeader("X-Ours", "yes")
				return next(ctx)
			}
		}, log.wrap)
		r.POST("/only", say("posted"))
		r.Mount("/dir/", word("dir"))
	}, func(t *testing.T, client *http.Client, url string) {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for path, want := range map[string]string{"/none": "404", "/only": "405", "/dir": "307", "/dir/a": "200"} {
			resp, body := answer(t, client, url+path)
			if got := fmt.Sprint(resp.StatusCode); got != want || resp.Header.Get("X-Ours") != "yes" || resp.Header.Get("X-Recorded") != "yes" {
				t.Errorf("%s: got %s %q %v, want %s", path, got, body, resp.Header, want)
			}
			eventually(t, "the middleware has seen "+path, func() bool { return log.last() == "GET "+path+" "+want })
			if path == "/only" && resp.Header.Get("Allow") != "POST" {
				t.Errorf("allowed is %q", resp.Header.Get("Allow"))
			}
		}
	})
}

func TestHandlersBehindMiddlewareOfNetHTTP(t *testing.T) {
	var log recording
	onEach(t, func(r *runtime.Router) {
		r.Use(log.wrap, log.wrap)
		r.POST("/users/{id}", func(ctx runtime.Context) error {
			var form struct{ Name string }
			if err := ctx.Bind(&form); err != nil {
				return err
			}
			ctx.SetHeader("X-Id", ctx.Param("id"))
			return ctx.JSON(201, []any{form.Name, ctx.Query("q"), ctx.Context().Value(callerKey{}), ctx.Server().Name() != ""})
		})
		r.GET("/fail", func(ctx runtime.Context) error {
			return &runtime.HTTPError{Status: 404, Message: "no such user", Err: errNoSuchUser}
		})
		r.GET("/late", func(ctx runtime.Context) error {
			ctx.String(200, "half")
			return errNoSuchUser
		})
		r.GET("/status", func(ctx runtime.Context) error {
			ctx.Status(202)
			_, err := io.WriteString(ctx.ResponseWriter(), "accepted")
			return err
		})
		r.GET("/stream", func(ctx runtime.Context) error {
			return ctx.Stream(200, "text/plain", bytes.NewReader(make([]byte, 100000)))
		})
		r.GET("/nothing", func(ctx runtime.Context) error { return nil })
		r.Mount("/mounted", word("mounted"))
	}, func(t *testing.T, client *http.Client, url string) {
		resp, err := client.Post(url+"/users/7?q=ask", "application/json", strings.NewReader(`{"Name":"n"}`))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := fmt.Sprint(resp.StatusCode, resp.Header.Get("X-Id"), string(body)); got != `201`+`7`+`["n","ask","caller",true]` {
			t.Errorf("got %s", got)
		}
		for path, want := range map[string]string{
			"/fail": "404 no such user\n", "/status": "202 accepted", "/nothing": "200 ", "/mounted": "200 mounted",
		} {
			resp, body := answer(t, client, url+path)
			if got := fmt.Sprint(resp.StatusCode, " ", body); got != want {
				t.Errorf("%s: got %q, want %q", path, got, want)
			}
			eventually(t, "the status was seen", func() bool { return log.last() == fmt.Sprint("GET ", path, " ", want[:3]) })
		}
		if resp, body := answer(t, client, url+"/stream"); len(body) != 100000 {
			t.Errorf("streamed %s, %d bytes", resp.Status, len(body))
		}
		resp, err = client.Get(url + "/late") // a response that has begun may be replaced or broken off, never completed
		if err == nil {
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode == 200 && err == nil {
				t.Errorf("half an answer arrives as a whole one: %q", body)
			}
		}
	})
}

func TestTheProgramAnswersErrorsItself(t *testing.T) {
	t.Parallel()
	for name, middleware := range map[string][]any{"alone": nil, "behind net/http": {new(recording).wrap}} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(r *runtime.Router) {
				r.Use(middleware...)
				r.NotFound(func(ctx runtime.Context) error {
					return ctx.JSON(404, map[string]string{"none": ctx.Request().URL.Path})
				})
				r.MethodNotAllowed(func(ctx runtime.Context) error { return ctx.String(405, "not so") })
				r.OnError(func(ctx runtime.Context, err error) error {
					if errors.Is(err, errNoSuchUser) {
						return ctx.String(410, "gone")
					}
					return err
				})
				r.GET("/user", func(ctx runtime.Context) error {
					ctx.SetHeader("X-A", "a")
					return fmt.Errorf("find: %w", errNoSuchUser)
				})
				r.GET("/other", func(ctx runtime.Context) error { return &runtime.HTTPError{Status: 409} })
				r.POST("/only", say("posted"))
			}, func(t *testing.T, client *http.Client, url string) {
				for path, want := range map[string]string{
					"/none": `404 {"none":"/none"}`, "/only": "405 not so", "/user": "410 gone", "/other": "409 conflict\n",
				} {
					resp, body := answer(t, client, url+path)
					if got := fmt.Sprint(resp.StatusCode, " ", body); got != want {
						t.Errorf("%s: got %q, want %q", path, got, want)
					}
					if path == "/only" && resp.Header.Get("Allow") != "POST" {
						t.Errorf("allowed is %q", resp.Header.Get("Allow"))
					}
				}
			})
		})
	}
}

func TestMiddlewareOfAnotherKindPanics(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, "want a runtime.Middleware or a func(http.Handler) http.Handler") {
			t.Errorf("got %q", p)
		}
	}()
	program(t, runtime.ServerConfig{}).Router().Use("logger")
}
