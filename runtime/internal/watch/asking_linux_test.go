package watch

import (
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Asking with a lease must neither hold up a writer nor end our process by the
// signal that breaks it. It asks all the time to be caught with the lease.
func TestAskingDisturbsNoWriter(t *testing.T) {
	sigio, sigurg := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(sigio, syscall.SIGIO)
	signal.Notify(sigurg, syscall.SIGURG)
	defer signal.Stop(sigio)
	defer signal.Stop(sigurg)
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(done)
	wg.Go(func() { askUntil(t, path, done) })

	var longest time.Duration
	opens, began := 0, time.Now()
	for ; time.Since(began) < time.Second; opens++ {
		longest = max(longest, openForWriting(t, path))
	}
	t.Logf("longest of %d opens: %v; caught with the lease: %v", opens, longest, len(sigurg) != 0)
	if longest > 2*time.Second {
		t.Errorf("an open for writing took %v", longest)
	}
	if len(sigio) != 0 {
		t.Error("the lease was broken by SIGIO, which ends processes")
	}
}

func askUntil(t *testing.T, path string, done <-chan struct{}) {
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for {
		isOpenForWriting(f)
		select {
		case <-done:
			return
		default:
		}
	}
}

func openForWriting(t *testing.T, path string) time.Duration {
	t.Helper()
	began := time.Now()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return took
}
