package pool_test

import (
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/pool"
)

func TestSharesFollowWeights(t *testing.T) {
	const n = 600
	for _, balance := range []string{pool.LeastConnections, pool.RoundRobin, pool.Random} {
		t.Run(balance, func(t *testing.T) {
			t.Parallel()
			a, b, c := startBackend(t, says("a")), startBackend(t, says("b")), startBackend(t, says("c"))
			p := newPool(t, pool.Config{Balance: balance, Backends: []pool.BackendConfig{
				{Name: "a", URL: a.URL}, {Name: "b", URL: b.URL, Weight: 2}, {Name: "c", URL: c.URL, Weight: 3},
			}})
			addr, cl := serve(t, p), client(t)
			for range n {
				get(t, cl, "http://"+addr+"/")
			}
			// Turns are exact; a draw may be off by five standard deviations.
			tolerance := 0.0
			if balance == pool.Random {
				tolerance = 5 * math.Sqrt(n*0.5*0.5)
			}
			for i, be := range []*backend{a, b, c} {
				want := float64(n * (i + 1) / 6)
				if hits, _, _ := be.count(); math.Abs(float64(hits)-want) > tolerance {
					t.Errorf("backend %d got %d requests, want %.0f ± %.0f", i, hits, want, tolerance)
				}
			}
		})
	}
}

func TestLeastConnectionsAvoidsBusyBackend(t *testing.T) {
	held, release := make(chan struct{}, 4), make(chan struct{})
	slow := startBackend(t, func(w http.ResponseWriter, r *http.Request) { held <- struct{}{}; <-release })
	fast := startBackend(t, says("fast"))
	p := newPool(t, pool.Config{Backends: []pool.BackendConfig{{Name: "slow", URL: slow.URL}, {Name: "fast", URL: fast.URL}}})
	addr, cl := serve(t, p), client(t)

	// Fill the slow one with a request, whichever turn it is.
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(release)
	for busy := false; !busy; {
		wg.Go(func() {
			if r, err := cl.Get("http://" + addr + "/"); err == nil {
				_ = r.Body.Close()
			}
		})
		select {
		case <-held:
			busy = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	for range 20 {
		if _, body := get(t, cl, "http://"+addr+"/"); body != "fast" {
			t.Fatalf("got %q, want the backend without a request under way", body)
		}
	}
}
