package statedir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/internal/statedir"
)

func open(t *testing.T, path string) *statedir.Dir {
	t.Helper()
	d, err := statedir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "deep", "state"))
	if _, err := d.Read("a.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading what is not there: %v, want fs.ErrNotExist", err)
	}
	for _, text := range []string{"one", "", "three"} {
		if err := d.Write("a.json", []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Read("a.json"); err != nil || string(got) != text {
			t.Errorf("read %q, %v, want %q", got, err, text)
		}
	}
	if err := errors.Join(d.Write("ab", nil), d.Write("b", nil)); err != nil {
		t.Fatal(err)
	}
	if names, err := d.Names("a"); err != nil || !slices.Equal(names, []string{"a.json", "ab"}) {
		t.Errorf("names are %q, %v, want a.json and ab", names, err)
	}
	if err := errors.Join(d.Remove("a.json"), d.Remove("a.json")); err != nil {
		t.Errorf("removing twice: %v", err)
	}
	if _, err := d.Read("a.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("reading what was removed: %v", err)
	}
}

func TestOnlyItsOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d := open(t, path)
	if err := d.Write("a", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, "a": 0o600} {
		info, err := os.Stat(filepath.Join(path, name))
		if err != nil || filepath.Separator == '/' && info.Mode().Perm() != want {
			t.Errorf("mode of %q is %v, %v, want %v", name, info.Mode().Perm(), err, want)
		}
	}
}

func TestADirectoryHasOneUser(t *testing.T) {
	path := t.TempDir()
	d := open(t, path)
	if _, err := statedir.Open(path); !errors.Is(err, statedir.ErrInUse) {
		t.Errorf("opened twice: %v, want ErrInUse", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

// A process that ends at any step leaves the old content or the new one.
func TestAtEveryStepAFileIsWhole(t *testing.T) {
	for _, dies := range []string{"write a", "rename a", "sync a"} {
		path := t.TempDir()
		d := open(t, path)
		if err := d.Write("a", []byte("old")); err != nil {
			t.Fatal(err)
		}
		reached := false
		d.At = func(step string) {
			if step == dies {
				reached = true
				panic(dies)
			}
		}
		func() {
			defer func() { recover() }()
			d.Write("a", []byte("new"))
		}()
		d.Close()
		again := open(t, path)
		got, err := again.Read("a")
		want := map[bool]string{true: "new", false: "old"}[dies == "sync a"]
		if names, _ := again.Names(""); !reached || err != nil || string(got) != want || len(names) != 1 {
			t.Errorf("ended at %q (%v): read %q, %v of %q, want %q alone", dies, reached, got, err, names, want)
		}
		if left, _ := filepath.Glob(filepath.Join(path, "*.new")); len(left) > 0 {
			t.Errorf("ended at %q: %q is left", dies, left)
		}
	}
}

func TestNamesDoNotLeadElsewhere(t *testing.T) {
	d := open(t, t.TempDir())
	for _, name := range []string{"", ".", "..", "../x", "a/b", "lock", ".hidden", "x.new", string(filepath.Separator) + "etc"} {
		if err := d.Write(name, nil); err == nil {
			t.Errorf("%q was written", name)
		}
		if _, err := d.Read(name); err == nil {
			t.Errorf("%q was read", name)
		}
	}
}
