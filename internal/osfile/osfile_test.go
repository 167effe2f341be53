package osfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/echterhof/rockstar-tui/internal/osfile"
)

func create(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|osfile.NoFollow, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestALockHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, second := create(t, path), create(t, path)
	if err := osfile.Lock(first); err != nil {
		t.Fatal(err)
	}
	if err := osfile.Lock(second); !errors.Is(err, osfile.ErrLocked) {
		t.Errorf("locked twice: %v, want ErrLocked", err)
	}
	if _, err := second.WriteString("courtesy\n"); err != nil {
		t.Errorf("the text is locked too: %v", err)
	}
	first.Close()
	if err := osfile.Lock(second); err != nil {
		t.Errorf("not free after the holder has closed it: %v", err)
	}
}

func TestAFileBelongsToWhoMadeIt(t *testing.T) {
	t.Parallel()
	info, err := create(t, filepath.Join(t.TempDir(), "mine")).Stat()
	if err != nil {
		t.Fatal(err)
	}
	if user, _ := osfile.Owner(info); osfile.HaveOwners && user != os.Geteuid() || !osfile.HaveOwners && user != -1 {
		t.Errorf("the owner is %d", user)
	}
}
