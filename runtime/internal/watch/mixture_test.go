package watch

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Even where nobody can tell of writers, a read during a save is thrown away:
// every file of this test consists of one letter.
func TestReadIsNeverAMixture(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "app.yaml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("a"), 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(done)
	wg.Go(func() { overwriteUntil(t, path, done) })

	take := taker{path: path, max: MaxSize}
	read := 0
	for began := time.Now(); time.Since(began) < time.Second; {
		data, err := take.wait(time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Count(data, data[:1]) != 1<<20 {
			t.Fatalf("read %d: %d bytes, %d of them %q", read, len(data), bytes.Count(data, data[:1]), data[:1])
		}
		read++
	}
	t.Logf("%d reads", read)
}

func overwriteUntil(t *testing.T, path string, done <-chan struct{}) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for i := 0; ; i++ {
		if _, err := f.WriteAt(bytes.Repeat([]byte{'a' + byte(i%26)}, 1<<20), 0); err != nil {
			t.Error(err)
			return
		}
		select {
		case <-done:
			return
		case <-time.After(time.Duration(rand.IntN(80)) * ms):
		}
	}
}
