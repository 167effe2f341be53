package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// quiet is an App whose events nobody reads.
func quiet() *runtime.App {
	app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		log.Fatal(err)
	}
	return app
}

// show asks a server, when it runs, and prints the answer.
func show(server *runtime.Server, path string) {
	for !server.IsRunning() {
		time.Sleep(time.Millisecond)
	}
	resp, err := http.Get("http://" + server.Addr().String() + path)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(resp.StatusCode, strings.TrimSpace(string(body)))
}

func ExampleNew() {
	app, err := runtime.New(runtime.FrameworkConfig{
		ServerConfig: runtime.ServerConfig{
			ReadTimeout:     10 * time.Second,
			IdleTimeout:     120 * time.Second,
			EnableKeepAlive: true,
			KeepAlivePeriod: 3 * time.Minute,
			MaxHeaderBytes:  1 << 20,
		},
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	app.Router().GET("/", func(ctx runtime.Context) error {
		return ctx.String(200, "Hello, World!")
	})

	served := make(chan error, 1)
	go func() { served <- app.Start("127.0.0.1:0") }() // a program just calls it: it blocks
	show(app.Server(), "/")

	if err := app.Shutdown(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println("ended:", <-served)
	// Output:
	// 200 Hello, World!
	// ended: <nil>
}

func ExampleServer_Listen() {
	config := runtime.ServerConfig{
		Protocol: "http",
		Address:  "127.0.0.1:0",
	}
	app := quiet()
	app.Router().GET("/users/{id}", func(ctx runtime.Context) error {
		return ctx.JSON(200, map[string]string{"id": ctx.Param("id")})
	})
	server := app.Server().NewServer(config)
	go server.Listen("")
	show(server, "/users/7")
	server.Shutdown(context.Background())
	// Output: 200 {"id":"7"}
}

func ExampleServer_Serve() {
	listener, err := runtime.NewRateLimitedListener("127.0.0.1:0", 1000)
	if err != nil {
		log.Fatal(err)
	}
	app := quiet()
	app.Router().GET("/", func(ctx runtime.Context) error { return ctx.String(200, "at its pace") })
	server := app.Server().NewServer(runtime.ServerConfig{})
	go server.Serve(listener)
	show(server, "/")
	server.Close()
	// Output: 200 at its pace
}

func ExampleServer_Stats() {
	app := quiet()
	app.Router().GET("/stats/connections", func(ctx runtime.Context) error {
		stats := ctx.Server().Stats()

		return ctx.JSON(200, map[string]interface{}{
			"active_connections": stats.ActiveConnections,
			"total_connections":  stats.TotalConnections,
			"idle_connections":   stats.IdleConnections,
		})
	})
	server := app.Server().NewServer(runtime.ServerConfig{})
	go server.Listen("127.0.0.1:0")
	show(server, "/stats/connections")
	server.Close()
	// Output: 200 {"active_connections":1,"idle_connections":0,"total_connections":1}
}

func ExampleRouter_Group() {
	app := quiet()
	api := app.Router().Group("/api", func(next runtime.HandlerFunc) runtime.HandlerFunc {
		return func(ctx runtime.Context) error {
			if ctx.Query("key") != "secret" {
				return &runtime.HTTPError{Status: 401, Message: "say the key"}
			}
			return next(ctx)
		}
	})
	api.GET("/hello", func(ctx runtime.Context) error { return ctx.String(200, "hello") })
	server := app.Server().NewServer(runtime.ServerConfig{})
	go server.Listen("127.0.0.1:0")
	show(server, "/api/hello")
	show(server, "/api/hello?key=secret")
	server.Close()
	// Output:
	// 401 say the key
	// 200 hello
}

func ExampleRouter_Mount() {
	app := quiet()
	app.Router().Mount("GET /plain/{who}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s", r.PathValue("who"))
	}))
	server := app.Server().NewServer(runtime.ServerConfig{})
	go server.Listen("127.0.0.1:0")
	show(server, "/plain/Ann")
	server.Close()
	// Output: 200 hello Ann
}

// api is a backend for the examples.
func api() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, "who are you?")
			return
		}
		body, _ := io.ReadAll(r.Body)
		if len(body) == 0 {
			body = []byte(`[{"name":"Ann"}]`)
		}
		w.Write(body)
	}))
}

func ExampleNetworkClient_get() {
	backend := api()
	defer backend.Close()
	client := quiet().NetworkClient()

	headers := map[string]string{
		"Authorization": "Bearer token123",
		"Accept":        "application/json",
	}
	body, err := client.Get(backend.URL+"/users", headers)
	if err != nil {
		log.Fatal(err)
	}
	var users []struct{ Name string }
	json.Unmarshal(body, &users)
	fmt.Println(users)

	_, err = client.Get(backend.URL+"/users", nil)
	var status *runtime.StatusError
	if errors.As(err, &status) {
		fmt.Printf("%d %s\n", status.StatusCode, status.Body)
	}
	// Output:
	// [{Ann}]
	// 401 who are you?
}

func ExampleNetworkClient_post() {
	backend := api()
	defer backend.Close()
	client := quiet().NetworkClient()

	data := map[string]string{
		"name":  "John Doe",
		"email": "john@example.com",
	}
	body, _ := json.Marshal(data)
	headers := map[string]string{
		"Content-Type":  "application/json",
		"Authorization": "Bearer token",
	}
	response, err := client.Post(backend.URL+"/users", body, headers)
	fmt.Println(string(response), err)
	// Output: {"email":"john@example.com","name":"John Doe"} <nil>
}

func ExampleNetworkClient_do() {
	backend := api()
	defer backend.Close()
	client := quiet().NetworkClient()

	req, _ := http.NewRequest("PATCH", backend.URL+"/users/123", strings.NewReader(`{"name":"Jo"}`))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer token")

	resp, err := client.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()

	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, string(body))
	// Output: 200 {"name":"Jo"}
}

func ExampleNewConnectionPool() {
	backend := api()
	defer backend.Close()
	pool, err := runtime.NewConnectionPool(runtime.ConnectionPoolConfig{
		Backends:       map[string]string{"users": backend.URL},
		MaxConnections: 4,
		WaitTimeout:    time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	client, err := pool.GetConnection("users")
	if err != nil {
		log.Fatal(err)
	}
	resp, err := client.Get("/users")
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	fmt.Println(resp.StatusCode, pool.Stats().ActiveConnections, "in use")
	if err := pool.ReleaseConnection("users", client); err != nil {
		log.Fatal(err)
	}
	fmt.Println(pool.Stats().IdleConnections, "idle")

	_, err = pool.GetConnection("orders")
	fmt.Println(errors.Is(err, runtime.ErrUnknownBackend))
	// Output:
	// 401 1 in use
	// 1 idle
	// true
}

// A Listener is what it is in package net: this one accepts by hand.
func ExampleListener() {
	var listener runtime.Listener
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				fmt.Fprint(conn, "welcome")
				conn.Close()
			}()
		}
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		panic(err)
	}
	greeting, _ := io.ReadAll(conn)
	fmt.Println(string(greeting))
	listener.Close()
	<-done
	// Output: welcome
}
