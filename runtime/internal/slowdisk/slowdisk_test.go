package slowdisk_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

func TestAnAnswerIsHandedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f slowdisk.Files
		bad := errors.New("bad")
		for _, want := range []error{nil, bad} { // the path is free again after each
			got, err := slowdisk.Within(t.Context(), &f, "a", time.Second, func() (int, error) { time.Sleep(time.Millisecond); return 7, want })
			if got != 7 || err != want || slowdisk.IsLate(err) {
				t.Errorf("%d, %v; want 7, %v", got, err, want)
			}
		}
	})
}

// TestADiskThatHangsHoldsOneCall: who comes later waits for that one, and not for
// longer than if it had begun with it.
func TestADiskThatHangsHoldsOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f slowdisk.Files
		hangs, calls := make(chan struct{}), 0
		call := func(path string) (time.Duration, error) {
			began := time.Now()
			_, err := slowdisk.Within(t.Context(), &f, path, 2*time.Second, func() (int, error) { calls++; <-hangs; return 0, nil })
			return time.Since(began), err
		}
		late := func(name string, want time.Duration) {
			t.Helper()
			if took, err := call("a"); !slowdisk.IsLate(err) || took != want || !strings.HasPrefix(err.Error(), "a did not answer") {
				t.Errorf("%s: %v after %s, want that a is late after %s", name, err, took, want)
			}
		}
		go func() { late("the first", 2*time.Second) }()
		time.Sleep(500 * time.Millisecond)
		late("one meanwhile", 1500*time.Millisecond)
		synctest.Wait()
		late("one long after", 0)
		if calls != 1 {
			t.Errorf("%d calls, want the one that hangs", calls)
		}
		close(hangs)
		synctest.Wait()
		if took, err := call("a"); err != nil || took != 0 || calls != 2 {
			t.Errorf("when the disk is back: %v after %s, %d calls", err, took, calls)
		}
	})
}

func TestAnotherPathDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f slowdisk.Files
		hangs := make(chan struct{})
		go slowdisk.Within(t.Context(), &f, "a", time.Second, func() (int, error) { <-hangs; return 0, nil })
		synctest.Wait()
		if _, err := slowdisk.Within(t.Context(), &f, "b", time.Second, func() (int, error) { return 0, nil }); err != nil {
			t.Error(err)
		}
		close(hangs)
	})
}

func TestWhoGivesUpDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f slowdisk.Files
		hangs := make(chan struct{})
		for _, name := range []string{"in the call", "behind another"} {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			began := time.Now()
			_, err := slowdisk.Within(ctx, &f, "a", time.Second, func() (int, error) { <-hangs; return 0, nil })
			if took := time.Since(began); err != context.DeadlineExceeded || took != 100*time.Millisecond {
				t.Errorf("%s: %v after %s", name, err, took)
			}
			cancel()
		}
		close(hangs)
	})
}

func TestOnlyFilesOfSomeSizeAreRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path  string
		limit int64
		want  string
	}{{path, 5, ""}, {path, 4, "more than 4 bytes"}, {dir, 5, "is not a file"}, {path + "x", 5, "file"}} {
		data, err := slowdisk.Read(tt.path, tt.limit)
		if tt.want == "" && (err != nil || string(data) != "12345") || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s within %d: %q, %v; want %q", tt.path, tt.limit, data, err, tt.want)
		}
	}
}
