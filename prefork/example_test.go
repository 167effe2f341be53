package prefork_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

// A program asks whether it is a worker before it does anything else.
func Example() {
	if prefork.IsWorker() {
		work()
		os.Exit(0)
	}
	lead()
}

func work() {
	w, err := prefork.Connect()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server := &http.Server{}
	serving := false
	err = w.Run(context.Background(), prefork.Handlers{
		Settings: func([]byte) error {
			if serving {
				return nil
			}
			ln, err := w.Listener()
			if err != nil {
				return err
			}
			serving = true
			go server.Serve(ln)
			return nil
		},
		Drain: func(ctx context.Context, _ prefork.SendConn) { server.Shutdown(ctx) },
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lead() {
	var sockets prefork.Sockets = oneSocket{}
	g := prefork.NewGroup(prefork.Config{Name: "web", Sockets: sockets})
	if err := g.Resize(context.Background(), 4); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	g.Stop(ctx)
}

// oneSocket is the simplest kind of sockets: one for all workers.
type oneSocket struct{ *net.TCPListener }

func (s oneSocket) File(int) (*os.File, error)         { return s.TCPListener.File() }
func (s oneSocket) Listener(int) (net.Listener, error) { return s.TCPListener, nil }
func (oneSocket) Steer([]int) error                    { return nil }
func (oneSocket) Steering() string                     { return "shared" }
