package runtime_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/echterhof/rockstar-tui/runtime"
)

// The path "/" is that path alone, so that another route fits beside it.
func ExampleRouter_GET() {
	app := quiet()
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "home") })
	app.Router().Mount("/metrics", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "requests_total 1")
	}))

	go app.Start("127.0.0.1:0")
	show(app.Server(), "/")
	show(app.Server(), "/metrics")
	show(app.Server(), "/elsewhere")
	app.Shutdown(context.Background())
	// Output:
	// 200 home
	// 200 requests_total 1
	// 404 404 page not found
}

// Middleware that was written for net/http works as it is, and sees what no route
// answers.
func ExampleRouter_Use() {
	logged := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Println(r.Method, r.URL.Path)
			next.ServeHTTP(w, r)
		})
	}
	app := quiet()
	app.Router().Use(logged)
	app.Router().GET("/hello", func(ctx runtime.Context) error { return ctx.String(200, "Hello, World!") })

	go app.Start("127.0.0.1:0")
	show(app.Server(), "/hello")
	show(app.Server(), "/none")
	app.Shutdown(context.Background())
	// Output:
	// GET /hello
	// 200 Hello, World!
	// GET /none
	// 404 404 page not found
}

// An error becomes the answer that the program wants for it.
func ExampleRouter_OnError() {
	errNoSuchUser := errors.New("no such user")
	app := quiet()
	app.Router().OnError(func(ctx runtime.Context, err error) error {
		if errors.Is(err, errNoSuchUser) {
			return ctx.JSON(404, map[string]string{"error": err.Error()})
		}
		return err // the usual answer
	})
	app.Router().GET("/users/{id}", func(ctx runtime.Context) error {
		return fmt.Errorf("user %s: %w", ctx.Param("id"), errNoSuchUser)
	})

	go app.Start("127.0.0.1:0")
	show(app.Server(), "/users/7")
	app.Shutdown(context.Background())
	// Output: 404 {"error":"user 7: no such user"}
}
