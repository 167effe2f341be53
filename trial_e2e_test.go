//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// The command that began the trial has long ended when its time is up.
func TestATrialEndsByItselfAfterItsClient(t *testing.T) {
	p := newPlace(t)
	p.serve()
	p.must("set", "listeners.web.prefork.workers=2", "--confirm", "2s", "--reason", "a try")
	if s := p.status(); s.Config.Trial == nil || s.Listeners[0].WorkersWanted != 2 {
		t.Errorf("on trial: %+v, %d workers", s.Config.Trial, s.Listeners[0].WorkersWanted)
	}
	if _, errOut, code := p.run("stop", "web"); code != 4 || !strings.Contains(errOut, "on trial until") {
		t.Errorf("stop during a trial: exit code %d, %s", code, errOut)
	}
	p.await("the end of the trial", func() bool { s := p.status(); return s.Config.Trial == nil && s.Listeners[0].WorkersReady == 4 })
	var doc struct{ Generations []control.Generation }
	if err := json.Unmarshal([]byte(p.must("config", "history", "--json")), &doc); err != nil || len(doc.Generations) != 3 ||
		doc.Generations[0].Trigger != control.TriggerExpiry || doc.Generations[1].Reason != "a try" {
		t.Errorf("history is %+v, %v; want the expiry of the try on top", doc.Generations, err)
	}
	out := p.must("config", "diff", "1", "2")
	if !strings.Contains(out, "listeners.web.prefork.workers") {
		t.Errorf("the diff is %s", out)
	}
	p.must("config", "rollback", "2")
	if n := p.web().WorkersWanted; n != 2 {
		t.Errorf("%d workers after going back to generation 2, want 2", n)
	}
}

func TestARuntimeKilledDuringATrialComesUpAsBefore(t *testing.T) {
	p := newPlace(t)
	cmd := p.serve("--keep-overrides")
	p.must("set", "listeners.web.timeouts.idle=11s")
	p.must("set", "listeners.web.prefork.workers=1", "listeners.web.timeouts.idle=12s", "--confirm", "1h")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.await("its end", func() bool { _, _, code := p.run("status"); return code == 3 })
	p.serve("--keep-overrides")
	s := p.status()
	if web := s.Listeners[0]; s.Config.Trial != nil || web.WorkersWanted != 4 || web.Timeouts.Idle != "11s" {
		t.Errorf("trial %+v, %d workers, idle %s; want none, 4 and 11s as before", s.Config.Trial, web.WorkersWanted, web.Timeouts.Idle)
	}
	if out := p.must("events"); !strings.Contains(out, "was on trial: it is rolled back") {
		t.Errorf("the events do not tell:\n%s", out)
	}
}

func TestABrokenFileEndsServeUnlessTheLastGoodIsWanted(t *testing.T) {
	p := newPlace(t)
	p.serve()
	p.must("shutdown", "--yes")
	p.write("version: 1\nlisteners:\n  web: {adress: x}\n")
	if _, errOut, code := p.run("serve", "-c", p.config); code != 78 || !strings.Contains(errOut, ":3:") {
		t.Errorf("exit code %d, %s; want 78 and the line", code, errOut)
	}
	p.serve("--fallback-last-good")
	out := p.must("status")
	for _, want := range []string{"REFUSED", "rockstar.yaml:3:", "the last good config, runs instead of the file", "serving"} {
		if !strings.Contains(out, want) {
			t.Errorf("status has no %q:\n%s", want, out)
		}
	}
}

// What the cockpit tries is kept and then written by keys, on a real runtime.
func TestATrialOfTheCockpitIsKeptAndWritten(t *testing.T) {
	p := newPlace(t)
	p.serve()
	c := p.cockpit("attach")
	c.see(t, "serving")
	answer := func(question, key string) {
		c.see(t, question)
		time.Sleep(400 * time.Millisecond) // a question is deaf for as long as nobody can have read it
		c.press(t, key)
	}
	c.press(t, "-")
	answer("resize web to 3 workers?", "t")
	c.see(t, "on trial, ")
	if s := p.status(); s.Config.Trial == nil || s.Listeners[0].WorkersWanted != 3 {
		t.Fatalf("trial %+v, %d workers; want one of 3", s.Config.Trial, s.Listeners[0].WorkersWanted)
	}
	c.press(t, "c")
	p.await("the end of the trial", func() bool { return p.status().Config.Trial == nil })
	if n := p.web().WorkersWanted; n != 3 {
		t.Errorf("%d workers wanted after the trial was kept, want 3", n)
	}
	c.press(t, "4")
	c.see(t, "CHANGED BY HAND")
	c.press(t, "w")
	answer("write 1 value to rockstar.yaml?", "y")
	p.await("the write", func() bool { return p.status().Config.State == control.ConfigInSync })
	text, err := os.ReadFile(p.config)
	if want := strings.Replace(fmt.Sprintf(fourWorkers, p.address), "workers: 4", "workers: 3", 1); err != nil || string(text) != want {
		t.Errorf("the file is\n%s(%v), want\n%s", text, err, want)
	}
}
