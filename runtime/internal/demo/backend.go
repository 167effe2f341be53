package demo

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// How long the backends take to answer, on average.
const (
	quick  = 2 * time.Millisecond
	slower = 12 * time.Millisecond
)

// server is a backend of the demo's pool.
type server struct {
	http.Server
	addr string
	done chan struct{} // closed when it has ended
}

// serve starts a backend that runs until ctx ends and then finishes its requests.
func serve(ctx context.Context, name string, pace time.Duration) (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{addr: ln.Addr().String(), done: make(chan struct{})}
	s.Handler = answers(name, pace)
	s.ReadHeaderTimeout = 10 * time.Second
	s.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	finished := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(finished)
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.stop()
		}
	})
	go func() {
		defer close(s.done)
		_ = s.Serve(ln) // ends with the listener
		if ctx.Err() != nil {
			<-finished
		}
	}()
	return s, nil
}

// stop ends the backend at once. A nil one is stopped already.
func (s *server) stop() {
	if s != nil {
		_ = s.Close()
	}
}

func (s *server) url() string { return "http://" + s.addr }

// answers tells who answered what, in about the time of pace.
func answers(name string, pace time.Duration) http.Handler {
	var requests atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		pause := time.NewTimer(pace/2 + rand.N(pace))
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"backend": name, "path": r.URL.Path, "request": n})
	})
}
