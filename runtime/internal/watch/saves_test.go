package watch_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// A style is one way to save a file.
type style struct {
	name  string
	setup func(t *testing.T, dir string) string // makes the file with content("start"); nil for a plain one
	save  func(t *testing.T, path, data string)
	rapid bool // many saves, which are one as long as no pause between them is Quiet
}

// options leave a busy machine room for longer pauses than the save is to have.
func (s style) options(tuning watch.Tuning) watch.Tuning {
	tuning.Patience = 2 * time.Second
	if s.rapid {
		tuning.Quiet, tuning.Max = 1500*time.Millisecond, 20*time.Second
	}
	return tuning
}

func styles() []style {
	all := []style{
		{"truncate and write", nil, write, false},
		{"slow writer", nil, saveSlowly, false},
		{"truncate, wait, write", nil, truncateAndWait, false},
		{"append", nil, appendTo, false},
		{"vim", nil, vim, false},
		{"vim with backupcopy", nil, vimBackupCopy, false},
		{"atomic rename", nil, atomicRename, false},
		{"delete and recreate", nil, recreate, false},
		{"in place with a copy", nil, copyOver, false},
		{"20 rapid saves", nil, rapidly(write), true},
		{"20 rapid renames", nil, rapidly(replace), true},
		{"rename the directory", nil, swapDirectory, false},
	}
	if goruntime.GOOS != "windows" {
		all = append(all,
			style{"sed -i", nil, sed, false},
			style{"symlink swap", linked, swapLink, false},
			style{"symlinked directory", linkedDirectory, swapLinkedDirectory, false},
			style{"kubernetes", kubernetes, swapData, false},
		)
	}
	return all
}

func (s style) file(t *testing.T) string {
	if s.setup == nil {
		return file(t, content("start"))
	}
	return s.setup(t, t.TempDir())
}

// TestEverySaveIsOneCall is the promise of the package, kept with each of its
// ways to know: events and leases, neither the one, neither the other.
func TestEverySaveIsOneCall(t *testing.T) {
	t.Parallel()
	for mode, opts := range map[string]watch.Tuning{
		"events and lease": {},
		"without lease":    {NoLease: true},
		"polling only":     {NoEvents: true, Poll: 200 * time.Millisecond},
		"polling blindly":  {NoEvents: true, NoLease: true, Poll: 200 * time.Millisecond},
	} {
		for _, s := range styles() {
			t.Run(mode+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				w := start(t, s.file(t), s.options(opts))
				w.expect(t, content("start"))
				final := content("start") + content("final") // longer, so that append can make it
				s.save(t, w.path, final)
				w.expect(t, final)
				w.expectNothing(t)
			})
		}
	}
}

func TestKubernetesSwapsAgainAndAgain(t *testing.T) {
	t.Parallel()
	for mode, opts := range map[string]watch.Tuning{
		"events":  {Poll: time.Hour},
		"polling": {NoEvents: true, Poll: 200 * time.Millisecond},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := start(t, kubernetes(t, t.TempDir()), opts)
			w.expect(t, content("start"))
			for i := range 4 {
				data := content(fmt.Sprint("swap ", i))
				swapDataOnly(t, w.path, data)
				w.expect(t, data)
			}
			w.expectNothing(t)
		})
	}
}

// With an hour between polls only events can tell, also after each save has
// changed what there is to watch.
func TestEventsAreEnoughSaveAfterSave(t *testing.T) {
	t.Parallel()
	for _, s := range styles() {
		if s.name == "append" {
			continue // keeps the old content
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := start(t, s.file(t), s.options(watch.Tuning{Poll: time.Hour}))
			w.expect(t, content("start"))
			for i := range 2 {
				data := content(fmt.Sprint("save ", i))
				s.save(t, w.path, data)
				w.expect(t, data)
			}
		})
	}
}

func TestNoCallWithoutNewBytes(t *testing.T) {
	t.Parallel()
	for name, touch := range map[string]func(t *testing.T, path string){
		"touch": func(t *testing.T, path string) {
			check(t, os.Chtimes(path, time.Now(), time.Now().Add(time.Minute)))
		},
		"chmod":              func(t *testing.T, path string) { check(t, os.Chmod(path, 0o600)) },
		"identical rewrite":  func(t *testing.T, path string) { write(t, path, content("start")) },
		"identical replaced": func(t *testing.T, path string) { replace(t, path, content("start")) },
		"neighbour": func(t *testing.T, path string) {
			write(t, filepath.Join(filepath.Dir(path), "other.yaml"), "x")
		},
		"there and back": func(t *testing.T, path string) {
			f, err := os.Create(path)
			check(t, err)
			for _, name := range []string{"other", "start"} {
				_, err = f.WriteAt([]byte(content(name)), 0)
				check(t, err)
			}
			check(t, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, file(t, content("start")), watch.Tuning{})
			w.expect(t, content("start"))
			touch(t, w.path)
			time.Sleep(400 * time.Millisecond) // longer than Quiet: it has had the time to be wrong
			w.expectNothing(t)
		})
	}
}

// Changes that never pause are not waited for without end.
func TestChangesThatNeverPauseAreRead(t *testing.T) {
	t.Parallel()
	if goruntime.GOOS != "linux" {
		t.Skip("nothing tells here that no writer has the file open")
	}
	w := start(t, file(t, content("start")), watch.Tuning{Quiet: 5 * time.Second, Max: 500 * time.Millisecond})
	w.expect(t, content("start"))
	for i, began := 0, time.Now(); len(w.calls) == 0; i++ {
		if time.Since(began) > deadline {
			t.Fatal("no call while the file is replaced over and over")
		}
		replace(t, w.path, content(fmt.Sprint("version ", i)))
		time.Sleep(30 * time.Millisecond) // far less than Quiet
	}
	if c := w.next(t); !strings.HasPrefix(string(c.Data), "# version ") {
		t.Errorf("got %s", describe(c))
	}
}

func saveSlowly(t *testing.T, path, data string) {
	t.Helper()
	check(t, writeSlowly(path, data))
}

// writeSlowly may be called from any goroutine.
func writeSlowly(path, data string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	half := len(data) / 2
	_, first := f.WriteString(data[:half])
	time.Sleep(700 * time.Millisecond) // the writer is slow
	_, second := f.WriteString(data[half:])
	return errors.Join(first, second, f.Close())
}

func truncateAndWait(t *testing.T, path, data string) {
	t.Helper()
	check(t, os.Truncate(path, 0))
	time.Sleep(500 * time.Millisecond) // it thinks
	write(t, path, data)
}

func appendTo(t *testing.T, path, data string) {
	t.Helper()
	old, err := os.ReadFile(path)
	check(t, err)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	check(t, err)
	_, err = f.WriteString(data[len(old):])
	check(t, err)
	check(t, f.Close())
}

func vim(t *testing.T, path, data string) {
	t.Helper()
	check(t, os.Rename(path, path+"~"))
	write(t, path, data)
	check(t, os.Chmod(path, 0o644))
	check(t, os.Remove(path+"~"))
}

func vimBackupCopy(t *testing.T, path, data string) {
	t.Helper()
	old, err := os.ReadFile(path)
	check(t, err)
	write(t, path+"~", string(old))
	write(t, path, data)
	check(t, os.Chmod(path, 0o644))
	check(t, os.Remove(path+"~"))
}

func atomicRename(t *testing.T, path, data string) {
	t.Helper()
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp*")
	check(t, err)
	_, err = f.WriteString(data)
	check(t, err)
	check(t, f.Close())
	check(t, os.Rename(f.Name(), path))
}

func sed(t *testing.T, path, data string) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "script")
	write(t, script, "1r "+filepath.Join(filepath.Dir(script), "data")+"\nd\n")
	write(t, filepath.Join(filepath.Dir(script), "data"), data)
	if out, err := exec.Command("sed", "-i.bak", "-f", script, path).CombinedOutput(); err != nil {
		t.Fatalf("sed: %v: %s", err, out)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != data {
		t.Fatalf("sed wrote %s, %v", brief(string(got)), err)
	}
}

func recreate(t *testing.T, path, data string) {
	t.Helper()
	check(t, os.Remove(path))
	time.Sleep(300 * time.Millisecond) // nothing there for a while
	write(t, path, data)
}

// copyOver is cp: without truncating first, and the end cut off afterwards.
func copyOver(t *testing.T, path, data string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteString(data)
	check(t, err)
	check(t, f.Truncate(int64(len(data))))
	check(t, f.Close())
}

func rapidly(save func(*testing.T, string, string)) func(*testing.T, string, string) {
	return func(t *testing.T, path, data string) {
		t.Helper()
		for i := range 19 {
			save(t, path, content(fmt.Sprint("rapid ", i)))
			time.Sleep(10 * time.Millisecond)
		}
		save(t, path, data)
	}
}

// swapDirectory renames the whole directory away and another in its place.
func swapDirectory(t *testing.T, path, data string) {
	t.Helper()
	dir := filepath.Dir(path)
	next := filepath.Join(t.TempDir(), "next")
	check(t, os.Mkdir(next, 0o755))
	write(t, filepath.Join(next, filepath.Base(path)), data)
	check(t, os.Rename(dir, filepath.Join(t.TempDir(), "old")))
	check(t, os.Rename(next, dir))
}

func linked(t *testing.T, dir string) string {
	check(t, os.Mkdir(filepath.Join(dir, "real"), 0o755))
	write(t, filepath.Join(dir, "real", "0.yaml"), content("start"))
	check(t, os.Symlink("real/0.yaml", filepath.Join(dir, "app.yaml")))
	return filepath.Join(dir, "app.yaml")
}

func swapLink(t *testing.T, path, data string) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "next.yaml") // elsewhere: only the link makes an event
	write(t, target, data)
	relink(t, target, path)
}

func relink(t *testing.T, target, link string) {
	t.Helper()
	check(t, os.Symlink(target, link+".tmp"))
	check(t, os.Rename(link+".tmp", link))
}

// linkedDirectory is a release folder behind a link, two levels up.
func linkedDirectory(t *testing.T, dir string) string {
	check(t, os.MkdirAll(filepath.Join(dir, "release-0", "etc"), 0o755))
	write(t, filepath.Join(dir, "release-0", "etc", "app.yaml"), content("start"))
	check(t, os.Symlink(filepath.Join(dir, "release-0"), filepath.Join(dir, "current")))
	return filepath.Join(dir, "current", "etc", "app.yaml")
}

func swapLinkedDirectory(t *testing.T, path, data string) {
	t.Helper()
	current := filepath.Dir(filepath.Dir(path))
	release := fmt.Sprintf("%s/release-%d", filepath.Dir(current), time.Now().UnixNano())
	check(t, os.MkdirAll(filepath.Join(release, "etc"), 0o755))
	write(t, filepath.Join(release, "etc", "app.yaml"), data)
	relink(t, release, current)
}

// kubernetes is a mounted config map: app.yaml -> ..data/app.yaml, and
// ..data -> ..2026_01 is what gets swapped.
func kubernetes(t *testing.T, dir string) string {
	check(t, os.Mkdir(filepath.Join(dir, "..0"), 0o755))
	write(t, filepath.Join(dir, "..0", "app.yaml"), content("start"))
	check(t, os.Symlink("..0", filepath.Join(dir, "..data")))
	check(t, os.Symlink("..data/app.yaml", filepath.Join(dir, "app.yaml")))
	return filepath.Join(dir, "app.yaml")
}

func swapData(t *testing.T, path, data string) {
	t.Helper()
	check(t, os.RemoveAll(swapDataOnly(t, path, data)))
}

// swapDataOnly leaves the old directory there, and returns it: its removal is
// an event that would help.
func swapDataOnly(t *testing.T, path, data string) (old string) {
	t.Helper()
	dir := filepath.Dir(path)
	old, err := os.Readlink(filepath.Join(dir, "..data"))
	check(t, err)
	next := fmt.Sprintf("..%d", time.Now().UnixNano())
	check(t, os.Mkdir(filepath.Join(dir, next), 0o755))
	write(t, filepath.Join(dir, next, "app.yaml"), data)
	relink(t, next, filepath.Join(dir, "..data"))
	return filepath.Join(dir, old)
}
