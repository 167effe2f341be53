package config_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

const (
	oldText = "version: 1 # old\n"
	newText = "version: 1 # new\n"
)

func fileWith(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "my.yaml")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, want %q; %v", path, got, want, err)
	}
}

// aloneIn fails if there is anything beside the file in its directory.
func aloneIn(t *testing.T, path string) {
	t.Helper()
	all, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(all) != 1 {
		t.Errorf("left behind: %v %v", all, err)
	}
}

func TestStagedContentComesAtOnce(t *testing.T) {
	path := fileWith(t, oldText)
	s, err := config.Stage(path, []byte(oldText), []byte(newText))
	if err != nil {
		t.Fatal(err)
	}
	holds(t, path, oldText)
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText)
	aloneIn(t, path)
	if info, err := os.Stat(path); err != nil || goruntime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, want 0640; %v", info.Mode(), err)
	}
}

func TestAChangedFileIsNotOverwritten(t *testing.T) {
	path := fileWith(t, "version: 1\n")
	if _, err := config.Stage(path, []byte(oldText), []byte(newText)); !errors.Is(err, config.ErrFileChanged) {
		t.Errorf("got %v", err)
	}
	s, err := config.Stage(path, []byte("version: 1\n"), []byte(newText))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("version: 1 # another's\n"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); !errors.Is(err, config.ErrFileChanged) {
		t.Errorf("got %v", err)
	}
	holds(t, path, "version: 1 # another's\n")
	aloneIn(t, path)
}

func TestALinkStaysALink(t *testing.T) {
	path := fileWith(t, oldText)
	link := filepath.Join(t.TempDir(), "link.yaml")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	s, err := config.Stage(link, []byte(oldText), []byte(newText))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	holds(t, path, newText)
	if to, err := os.Readlink(link); err != nil || to != path {
		t.Errorf("the link leads to %q; %v", to, err)
	}
}

// TestDeathWhileWriting kills a process before each step of writing a file, and
// finds the old content or the new, never anything else.
func TestDeathWhileWriting(t *testing.T) {
	if step := os.Getenv("ROCKSTAR_TEST_DIE_AT"); step != "" {
		writeAndDie(step, os.Getenv("ROCKSTAR_TEST_FILE"))
	}
	for _, step := range []string{"create", "write", "sync", "rename", "renamed"} {
		path := fileWith(t, oldText)
		cmd := exec.Command(os.Args[0], "-test.run=^TestDeathWhileWriting$")
		cmd.Env = append(os.Environ(), "ROCKSTAR_TEST_DIE_AT="+step, "ROCKSTAR_TEST_FILE="+path)
		if out, err := cmd.CombinedOutput(); err == nil || strings.Contains(string(out), "survived") {
			t.Fatalf("%s: the process did not die there: %v\n%s", step, err, out)
		}
		want := oldText
		if step == "renamed" {
			want = newText
		}
		holds(t, path, want)
	}
}

func writeAndDie(step, path string) {
	config.OnStep(func(now string) {
		if now == step {
			p, err := os.FindProcess(os.Getpid())
			if err == nil {
				p.Kill()
			}
			select {}
		}
	})
	s, err := config.Stage(path, []byte(oldText), []byte(newText))
	if err == nil {
		err = s.Commit()
	}
	println("survived:", err)
	os.Exit(0)
}
