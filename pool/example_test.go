package pool_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
	"github.com/valyala/fasthttp"
)

func Example() {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello from a backend")
	}))
	defer backend.Close()

	p, err := pool.New(pool.Config{
		Name:     "api",
		MaxConns: 100,
		MaxWait:  5 * time.Second,
		Backends: []pool.BackendConfig{{Name: "a", URL: backend.URL}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = p.Close() }()

	// As the handler of a fasthttp.Server it would be p.Proxy.
	var req fasthttp.Request
	var resp fasthttp.Response
	req.SetRequestURI("/greeting")
	if err := p.Do(context.Background(), &req, &resp); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", resp.Body())
	fmt.Println("idle connections:", p.Stats().Totals().Idle())
	// Output:
	// hello from a backend
	// idle connections: 1
}
