package listener_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// plainly serves every request by h, on the engine of net/http.
func plainly(t *testing.T, h http.HandlerFunc) *endpoint {
	t.Helper()
	e := start(t, keepAlive, func(x listener.Exchange) {
		w, r, ok := listener.NetHTTP(x)
		if !ok {
			t.Error("another engine serves")
			return
		}
		h(w, r)
	})
	e.SetNetHTTP(func(listener.Exchange) bool { return true })
	return e
}

func TestALargeResponseOfNetHTTPIsNamed(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	e := plainly(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(2<<20))
		w.WriteHeader(200)
		<-proceed
		w.Write(make([]byte, 2<<20))
	})
	c := e.dial()
	c.send("GET /large?secret HTTP/1.1\r\nHost: t\r\n\r\n")
	eventually(t, "the request is named", func() bool {
		for _, info := range e.Connections(func(listener.ConnInfo) bool { return true }) {
			if info.Request == "GET /large" {
				return true
			}
		}
		return false
	})
	close(proceed)
	if _, body := c.read(); len(body) != 2<<20 {
		t.Errorf("%d bytes", len(body))
	}
}

// A drain tells each client by its response, and cuts none.
func TestADrainEndsConnectionsOfNetHTTP(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	e := plainly(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			<-proceed
		}
		io.WriteString(w, "whole")
	})
	busy, idle := e.dial(), e.dial()
	idle.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")
	idle.read()
	busy.send("GET /slow HTTP/1.1\r\nHost: t\r\n\r\n")
	eventually(t, "the request has begun", func() bool { return e.Counters().Load().Active == 1 })
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, err := e.Drain(ctx)
		ended <- err
	}()
	idle.wantEnd(5 * time.Second)
	close(proceed)
	if resp, body := busy.read(); body != "whole" || !resp.Close {
		t.Errorf("got %q, close %v", body, resp.Close)
	}
	busy.wantEnd(5 * time.Second)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
