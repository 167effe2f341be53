package listener_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// A server accepts from any net.Listener. Its limits can be changed at any time;
// they apply to connections that are already open.
func ExampleServer() {
	s := listener.NewServer(listener.ServerConfig{
		Name:   "web",
		Limits: listener.Limits{Idle: time.Minute, MaxConnections: 1000, KeepAlive: true},
		Handler: func(x listener.Exchange) {
			x.SetHeader("Content-Type", "text/plain; charset=utf-8")
			x.WriteString("hello, " + string(x.Path()))
		},
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve(ln)

	resp, err := http.Get("http://" + ln.Addr().String() + "/world")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Println(string(body))

	s.SetLimits(listener.Limits{Idle: time.Second, KeepAlive: true})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	forced, err := s.Drain(ctx)
	fmt.Println("closed by force:", forced, err)
	fmt.Println("requests:", s.Counters().Load().Requests)
	// Output:
	// hello, /world
	// closed by force: 0 <nil>
	// requests: 1
}

// Totals of several processes add up.
func ExampleTotals() {
	a := listener.Totals{Accepted: 3, Requests: 40}
	b := listener.Totals{Accepted: 2, Requests: 2}
	sum := a.Add(b)
	fmt.Println(sum.Accepted, sum.Requests)
	// Output: 5 42
}
