package watch_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// again runs tests of this binary in a process of its own, with attributes
// this one does not have.
func again(t *testing.T, run string, attr *syscall.SysProcAttr, env ...string) {
	t.Helper()
	// Not by its name: another user may not be allowed to walk there.
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.run="+run)
	cmd.SysProcAttr = attr
	cmd.Env = append(os.Environ(), append(env, "WATCH_TEST_CHILD=1")...)
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && len(out) == 0:
		t.Skipf("not permitted here: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case !strings.Contains(string(out), "--- PASS"):
		t.Skipf("%s", out)
	}
}

// inNamespace is a user namespace in which we are root and may mount, and set
// limits, without anybody outside noticing.
func inNamespace() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
}

func child() bool { return os.Getenv("WATCH_TEST_CHILD") != "" }

func TestWithoutEventsItPollsAndSaysSo(t *testing.T) {
	if !child() {
		t.Parallel()
		again(t, "^TestWithoutEventsItPollsAndSaysSo$", inNamespace())
		return
	}
	if err := os.WriteFile("/proc/sys/user/max_inotify_instances", []byte("0"), 0); err != nil {
		t.Skip(err)
	}
	w := start(t, file(t, content("start")), watch.Tuning{Poll: 200 * time.Millisecond})
	w.expectWarning(t, "raise fs.inotify.max_user_instances")
	w.expect(t, content("start"))
	replace(t, w.path, content("new"))
	w.expect(t, content("new"))
	w.expectNothing(t)
	if len(w.warnings) != 0 {
		t.Errorf("warned again: %s", <-w.warnings)
	}
}

func TestWithoutWatchesItPollsAndSaysSo(t *testing.T) {
	if !child() {
		t.Parallel()
		again(t, "^TestWithoutWatchesItPollsAndSaysSo$", inNamespace())
		return
	}
	if err := os.WriteFile("/proc/sys/user/max_inotify_watches", []byte("0"), 0); err != nil {
		t.Skip(err)
	}
	w := start(t, file(t, content("start")), watch.Tuning{Poll: 200 * time.Millisecond})
	w.expectWarning(t, "raise fs.inotify.max_user_watches")
	w.expect(t, content("start"))
	replace(t, w.path, content("new"))
	w.expect(t, content("new"))
	w.expectNothing(t)
	if len(w.warnings) != 0 {
		t.Errorf("warned again: %s", <-w.warnings)
	}
}

// A reason that is not in the file goes away without a change of the file.
func TestFailureOutsideTheFileIsTriedAgain(t *testing.T) {
	if !child() {
		t.Parallel()
		again(t, "^TestFailureOutsideTheFileIsTriedAgain$", nil)
		return
	}
	w := start(t, file(t, content("start")), watch.Tuning{Poll: 200 * time.Millisecond})
	w.expect(t, content("start"))
	write(t, w.path+".new", content("new"))
	var was unix.Rlimit
	check(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &was))
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: was.Max}))
	check(t, os.Rename(w.path+".new", w.path))
	w.expectError(t, unix.EMFILE, "too many open files")
	check(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &was))
	if c := w.expect(t, content("new")); !c.Recovered {
		t.Error("not marked as recovered")
	}
}

func TestMountedFileIsWarnedAbout(t *testing.T) {
	if !child() {
		t.Parallel()
		again(t, "^TestMountedFileIsWarnedAbout$", inNamespace())
		return
	}
	from, to := file(t, content("start")), file(t, content("below"))
	if watch.Mounted(to) {
		t.Error("an ordinary file counts as mounted")
	}
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		t.Skip(err)
	}
	defer func() { check(t, unix.Unmount(to, 0)) }()
	if !watch.Mounted(to) {
		t.Fatal("a mounted file is not seen as such")
	}
	w := start(t, to, watch.Tuning{})
	w.expectWarning(t, "mount the directory instead")
	w.expect(t, content("start"))
	write(t, to, content("in place")) // that much does work
	w.expect(t, content("in place"))
	w.stop()
}

// TestAsAnotherUser repeats what root cannot test: files one may not read, and
// files of others, on which no lease is granted.
func TestAsAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to become somebody else")
	}
	t.Parallel()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "watch")
	check(t, err)
	defer os.RemoveAll(dir)
	check(t, os.Chmod(dir, 0o755))
	tmp := filepath.Join(dir, "tmp")
	check(t, os.Mkdir(tmp, 0o755))
	check(t, os.Chown(tmp, nobody, nobody))
	foreign := filepath.Join(dir, "app.yaml")
	write(t, foreign, content("start"))
	seen := filepath.Join(tmp, "ready")
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for began := time.Now(); time.Since(began) < deadline; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(seen); err == nil {
				if err := writeSlowly(foreign, content("slow")); err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	again(t, "^(TestForeignFile|TestFailureIsToldOnceAndItsEndToo)$",
		&syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}},
		"TMPDIR="+tmp, "WATCH_TEST_FOREIGN="+foreign, "WATCH_TEST_READY="+seen)
}

// TestForeignFile watches a file of root, which only Patience keeps from being
// read by half.
func TestForeignFile(t *testing.T) {
	path := os.Getenv("WATCH_TEST_FOREIGN")
	if path == "" {
		t.Skip("run by TestAsAnotherUser")
	}
	t.Parallel()
	w := start(t, path, watch.Tuning{Patience: 2500 * time.Millisecond}) // the writer may be slower than it wants
	w.expect(t, content("start"))
	write(t, os.Getenv("WATCH_TEST_READY"), "")
	w.expect(t, content("slow"))
}
