package prefork_test

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
)

// orphanage starts a master of two workers, kills it and returns where they
// listen, their pids and their orphan directory.
func orphanage(t *testing.T, timeout time.Duration) (addr string, pids map[int]bool, orphanDir string) {
	t.Helper()
	orphanDir = filepath.Join(t.TempDir(), strings.Repeat("far-away-", 12)) // longer than a socket's path may be
	if err := prefork.MakeOrphanDir(orphanDir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PREFORK_TEST_NEST", orphanDir)
	t.Setenv("PREFORK_TEST_ORPHAN", timeout.String())
	master, addr, pids := startMaster(t, os.Args[0])
	master.Process.Kill()
	master.Wait()
	t.Cleanup(func() {
		for _, o := range prefork.FindOrphans(orphanDir) {
			o.Drain(0)
		}
	})
	until(t, "they wait in the orphan directory", func() bool {
		return waiting(orphanDir) == 2 || living(pids) == 0
	})
	return addr, pids, orphanDir
}

// waiting counts those in an orphan directory that answer.
func waiting(orphanDir string) (n int) {
	entries, _ := os.ReadDir(orphanDir)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), "~") {
			n++
		}
	}
	return n
}

// adoptAll makes a group of the orphans in an orphan directory.
func adoptAll(t *testing.T, addr, orphanDir string) *rig {
	t.Helper()
	found := prefork.FindOrphans(orphanDir)
	if len(found) != 2 {
		t.Fatalf("%d orphans, want 2", len(found))
	}
	r := &rig{t: t, sockets: &sockets{addr: addr}, folded: map[int]int{}}
	for _, o := range found {
		ln, err := net.FileListener(o.Socket())
		if err != nil {
			t.Fatal(err)
		}
		r.sockets.slots = append(r.sockets.slots, ln.(*net.TCPListener))
	}
	g, err := prefork.AdoptOrphans(prefork.Config{Name: "orphans", Sockets: r.sockets, Settings: orders{Version: "b"}.bytes(),
		DrainTimeout: 5 * time.Second, OnEvent: r.event, Fold: r.fold, OrphanTimeout: patience, OrphanDir: orphanDir}, found)
	if err != nil {
		t.Fatal(err)
	}
	r.Group = g
	return r
}

func TestOrphansServeOnAndAreAdopted(t *testing.T) {
	addr, pids, orphanDir := orphanage(t, patience)
	l := startLoad(addr, 4)
	until(t, "they serve without a master", func() bool { return l.ok.Load() > 100 })
	r := adoptAll(t, addr, orphanDir)
	defer r.sockets.close()
	defer r.Kill()
	for _, w := range r.ready() {
		if !pids[w.PID] {
			t.Errorf("worker %d has pid %d, not one of %v", w.ID, w.PID, pids)
		}
	}
	if err := r.Update(t.Context(), orders{Version: "b"}.bytes()); err != nil {
		t.Fatal(err)
	}
	if pid, version := r.ask("get"); version != "b" || !pids[pid] {
		t.Errorf("worker %d answers with version %s, want b", pid, version)
	}
	if err := r.Restart(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	until(t, "one of them has drained", func() bool { return living(pids) == 1 })
	if ok, failed := l.stop(); failed > 0 {
		t.Errorf("%d of %d failed: %v", failed, ok+failed, l.first.Load())
	}
	for pid := range pids {
		if alive(pid) {
			signalTo(t, pid, sigKill)
		}
	}
	until(t, "the killed one is replaced", func() bool { return living(pids) == 0 && len(r.ready()) == 2 })
	r.ask("get")
}

// TestOrphansOutliveAnotherMaster that had them only for a while.
func TestOrphansOutliveAnotherMaster(t *testing.T) {
	addr, pids, orphanDir := orphanage(t, patience)
	r := adoptAll(t, addr, orphanDir)
	if err := r.Update(t.Context(), orders{Version: "b"}.bytes()); err != nil { // tells them of their orphan directory
		t.Fatal(err)
	}
	r.Abandon()
	r.sockets.close()
	until(t, "they wait again", func() bool { return waiting(orphanDir) == 2 })
	again := adoptAll(t, addr, orphanDir)
	defer again.sockets.close()
	defer again.Kill()
	if pid, _ := again.ask("get"); !pids[pid] {
		t.Errorf("worker %d answers, not one of %v", pid, pids)
	}
}

func TestOrphansDrainWhenNobodyComes(t *testing.T) {
	_, pids, orphanDir := orphanage(t, 300*time.Millisecond)
	until(t, "both are gone", func() bool { return living(pids) == 0 })
	if found := prefork.FindOrphans(orphanDir); len(found) > 0 {
		t.Errorf("found %d orphans that are gone", len(found))
	}
	if entries, _ := os.ReadDir(orphanDir); len(entries) > 0 {
		t.Errorf("the orphan directory still has %v", entries)
	}
}

func TestOrphansThatAreLetGoDrain(t *testing.T) {
	_, pids, orphanDir := orphanage(t, patience)
	stranger, err := net.Dial("unix", filepath.Join(shortcut(t, orphanDir), strconv.Itoa(first(pids))))
	if err != nil {
		t.Fatal(err)
	}
	stranger.Write([]byte("GET / HTTP/1.1\r\n\r\n")) // somebody who is no master
	for _, o := range prefork.FindOrphans(orphanDir) {
		o.Drain(time.Second)
	}
	until(t, "both are gone", func() bool { return living(pids) == 0 })
}

func TestWhatIsNoPrivateDirectoryIsRefused(t *testing.T) {
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{link, "/dev/null"} {
		if err := prefork.MakeOrphanDir(dir); err == nil {
			t.Errorf("%s is taken for a private directory", dir)
		}
	}
}

func TestAnOpenDirectoryOfOursIsClosed(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := prefork.MakeOrphanDir(dir); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v; want 0700", info.Mode(), err)
	}
}

// shortcut names dir by a path that fits into a socket's address.
func shortcut(t *testing.T, dir string) string {
	t.Helper()
	base, err := os.MkdirTemp("", "n")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	if err := os.Symlink(dir, base+"/n"); err != nil {
		t.Fatal(err)
	}
	return base + "/n"
}

func first(pids map[int]bool) int {
	for pid := range pids {
		return pid
	}
	return 0
}
