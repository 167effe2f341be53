// Command clients answers by asking a backend: with the App's NetworkClient, and
// with connections lent by a pool.
package main

import (
	"errors"
	"flag"
	"io"
	"log"

	"github.com/echterhof/rockstar-tui/runtime"
)

func main() {
	addr := flag.String("addr", ":8080", "address to listen on")
	backend := flag.String("backend", "http://127.0.0.1:9001", "base URL of the backend")
	flag.Parse()

	app, err := runtime.New(runtime.FrameworkConfig{})
	if err != nil {
		log.Fatal(err)
	}
	client := app.NetworkClient()
	pool, err := runtime.NewConnectionPool(runtime.ConnectionPoolConfig{
		Backends:       map[string]string{"users": *backend},
		MaxConnections: 8,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	app.Router().GET("/users", func(ctx runtime.Context) error {
		headers := map[string]string{
			"Authorization": ctx.Header("Authorization"),
			"Accept":        "application/json",
		}
		body, err := client.Get(*backend+"/users", headers)
		if refused := (*runtime.StatusError)(nil); errors.As(err, &refused) {
			return &runtime.HTTPError{Status: refused.StatusCode, Message: "the backend refused", Err: err}
		} else if err != nil {
			return &runtime.HTTPError{Status: 502, Message: "the backend does not answer", Err: err}
		}
		return ctx.Bytes(200, "application/json", body)
	})

	app.Router().GET("/users/{id}", func(ctx runtime.Context) error {
		lent, err := pool.GetConnection("users")
		if err != nil {
			return &runtime.HTTPError{Status: 503, Message: "no connection is free", Err: err}
		}
		defer pool.ReleaseConnection("users", lent)
		resp, err := lent.Get("/users/" + ctx.Param("id"))
		if err != nil {
			return &runtime.HTTPError{Status: 502, Message: "the backend does not answer", Err: err}
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		return ctx.Bytes(resp.StatusCode, resp.Header.Get("Content-Type"), body)
	})

	app.Router().GET("/pool", func(ctx runtime.Context) error {
		return ctx.JSON(200, pool.Stats())
	})

	if err := app.Start(*addr); err != nil {
		log.Fatal(err)
	}
}
