package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// earlier are the programs of the past that this one has to follow on a host:
// replace them in place, adopt the workers they leave behind, and read the state
// they keep. Whoever changes what two programs say to each other adds the commit
// before that change.
var earlier = []struct{ commit, was string }{
	{"5b955e8", "before the scoreboard named its counters"},
}

// tomorrow is what a later program may change, by file: counters come, go and lie
// elsewhere, and the workers' protocol has another version and more features.
var tomorrow = map[string][]string{
	"runtime/internal/scoreboard/segment.go": {
		"\tListener listener.Counters\n", "\tTomorrow [7]atomic.Uint64\n",
		"\tonce[atomic.Uint64, atomic.Int64]\n", "\tonce[atomic.Uint64, atomic.Int64]\n\tListener listener.Counters\n",
		"const MaxCells = 1024", "const MaxCells = 2000",
	},
	"prefork/protocol.go": {
		"\tlatest = 2\n", "\tlatest = 3\n",
		"[]string{featureRefusals}", `[]string{"tomorrow", featureRefusals}`,
	},
}

// TestLaterProgramsFollow: none of that hinders anybody, neither on the way there nor
// on the way back.
func TestLaterProgramsFollow(t *testing.T) {
	dir := t.TempDir()
	replaced := map[string]string{}
	for file, changes := range tomorrow {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(changes); i += 2 {
			if strings.Count(string(text), changes[i]) != 1 {
				t.Fatalf("%s has not exactly one %q: bring this test up to date", file, changes[i])
			}
		}
		replaced[file] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(replaced[file], []byte(strings.NewReplacer(changes...).Replace(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	overlay := filepath.Join(dir, "overlay.json")
	data, err := json.Marshal(map[string]any{"Replace": replaced})
	if err == nil {
		err = os.WriteFile(overlay, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	later := filepath.Join(dir, "rockstar-tui")
	if out, err := exec.Command("go", "build", "-overlay", overlay, "-ldflags", "-X main.version=later", "-o", later, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Run("upgrade", func(t *testing.T) {
		upgradeUnderLoad(t, binary, []program{{later, "later"}, {binary, "dev"}})
	})
	t.Run("adoption", func(t *testing.T) { adoptUnderLoad(t, binary, later) })
	t.Run("adoption by the one before", func(t *testing.T) { adoptUnderLoad(t, later, binary) })
}

func TestEarlierProgramsAreFollowed(t *testing.T) {
	for _, e := range earlier {
		t.Run(e.commit, func(t *testing.T) {
			old := buildCommit(t, e.commit)
			t.Run("upgrade", func(t *testing.T) {
				upgradeUnderLoad(t, old, []program{{binary, "dev"}, {old, e.commit}})
			})
			t.Run("adoption", func(t *testing.T) { adoptUnderLoad(t, old, binary) })
			t.Run("adoption back", func(t *testing.T) { adoptUnderLoad(t, binary, old) })
			t.Run("state", func(t *testing.T) { readsState(t, old, binary) })
			t.Run("state back", func(t *testing.T) { readsState(t, binary, old) })
		})
	}
}

// buildCommit builds the program of a commit from this repository's history. Its
// version is the commit. Paths are trimmed, so that the build cache knows what has
// not changed since.
func buildCommit(t *testing.T, commit string) string {
	t.Helper()
	if out, err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").CombinedOutput(); err != nil {
		t.Fatalf("commit %s is needed to test what follows it, clone the whole history (git fetch --unshallow): %v %s", commit, err, bytes.TrimSpace(out))
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "source.tar")
	path := filepath.Join(dir, "rockstar-tui-"+commit)
	for _, c := range [][]string{
		{"git", "archive", "-o", archive, commit},
		{"tar", "-x", "-f", archive, "-C", dir},
		{"go", "build", "-C", dir, "-trimpath", "-ldflags", "-X main.version=" + commit, "-o", path, "."},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("build commit %s: %s: %v\n%s", commit, strings.Join(c[:2], " "), err, out)
		}
	}
	return path
}

const twoWorkers = `version: 1
listeners:
  web:
    address: %q
    prefork: {workers: 2}
    timeouts: {idle: 60s, shutdown: %s}
    routes: [{match: /hello, respond: {body: "Hello, World!\n"}}]
`

// readsState has the first program write all that it keeps in its state directory, in
// the middle of a trial and with a save that waits, and kills it. The second goes on
// from there.
func readsState(t *testing.T, first, second string) {
	p := newPlace(t)
	p.write(fmt.Sprintf(twoWorkers, p.address, "5s"))
	p.program = first
	master := p.serve("--keep-overrides")
	p.must("set", "listeners.web.timeouts.idle", "33s", "--reason", "kept by hand")
	p.must("set", "listeners.web.prefork.workers=3", "listeners.web.timeouts.idle=34s", "--confirm", "1h", "--reason", "a try")
	p.write(fmt.Sprintf(twoWorkers, p.address, "6s")) // is held until the trial is over
	p.await("the save to wait", func() bool { return p.status().Config.State == control.ConfigPending })
	generations := p.history()
	if err := master.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.await("its end", func() bool { _, _, code := p.run("status"); return code == 3 })

	p.program = second
	p.serve("--keep-overrides")
	s := p.status()
	web := s.Listeners[0]
	if s.Config.Trial != nil || web.WorkersWanted != 2 || web.Timeouts.Idle != "33s" || web.Timeouts.Shutdown != "6s" {
		t.Errorf("trial %+v, %d workers, idle %s, shutdown %s; want none, 2 and 33s as before the trial, 6s of the save",
			s.Config.Trial, web.WorkersWanted, web.Timeouts.Idle, web.Timeouts.Shutdown)
	}
	if len(s.Config.Edits) != 1 || s.Config.Edits[0].Reason != "kept by hand" {
		t.Errorf("overrides %+v, want the one from before the trial with its reason", s.Config.Edits)
	}
	now := p.history()
	if len(now) <= len(generations) {
		t.Fatalf("%d generations, want those %d from before and more", len(now), len(generations))
	}
	for i, was := range generations {
		is := now[len(now)-len(generations)+i]
		if is.Number != was.Number || is.Reason != was.Reason || is.Trigger != was.Trigger || is.Actor != was.Actor || !is.Time.Equal(was.Time) {
			t.Errorf("generation %+v, was %+v", is, was)
		}
	}
	if now[0].Number <= generations[0].Number {
		t.Errorf("the newest generation has number %d, want one above %d", now[0].Number, generations[0].Number)
	}
	p.must("config", "rollback", fmt.Sprint(generations[len(generations)-1].Number))
	if idle := p.web().Timeouts.Idle; idle != "1m0s" {
		t.Errorf("idle timeout %s after going back to the first generation, want 1m0s", idle)
	}
}

func (p *place) history() []control.Generation {
	p.t.Helper()
	var doc struct{ Generations []control.Generation }
	if err := json.Unmarshal([]byte(p.must("config", "history", "--json")), &doc); err != nil {
		p.t.Fatal(err)
	}
	return doc.Generations
}
