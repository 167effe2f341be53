package request_test

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/tui/request"
)

func TestTheCommandDoesWhatTheChangeDoes(t *testing.T) {
	t.Parallel()
	set := config.Edit{Path: "listeners.web.timeouts.idle", Value: "90s"}
	unset := config.Edit{Path: "listeners.web.timeouts.idle", Unset: true}
	for _, tt := range []struct {
		change request.Change
		flags  string
		want   string
	}{
		{request.Change{Patch: config.Patch{set}}, "", "set listeners.web.timeouts.idle=90s"},
		{request.Change{Patch: config.Patch{set}}, " --persist", "set listeners.web.timeouts.idle=90s --persist"},
		{request.Change{Patch: config.Patch{unset}}, "", "unset listeners.web.timeouts.idle"},
		{request.Change{Patch: config.Patch{unset}}, " --persist", ""}, // is not written
		{request.Change{Patch: config.Patch{set, unset}}, "", ""},      // takes two commands
		{request.Change{Generation: 7}, "", "rollback 7"},
		{request.Change{Generation: 7}, " --confirm 1m", ""},
		{request.Change{Patch: config.Patch{{Path: "a", Value: "it's $HOME"}}}, "", `set 'a=it'\''s $HOME'`},
		{request.Resize("web", 4), "", "set listeners.web.prefork.workers=4"},
		{request.Enable("web", false), "", "set listeners.web.enabled=false"},
	} {
		want := tt.want
		if want != "" {
			want = request.Command(want)
		}
		if got := tt.change.Command(tt.flags); got != want {
			t.Errorf("%+v with %q: %q, want %q", tt.change, tt.flags, got, want)
		}
	}
}

func TestWhatIsUnsetIsNotWritten(t *testing.T) {
	t.Parallel()
	set, unset := config.Edit{Path: "a", Value: "1"}, config.Edit{Path: "b", Unset: true}
	for _, tt := range []struct {
		patch config.Patch
		want  bool
	}{
		{nil, false},
		{config.Patch{set}, true},
		{config.Patch{unset}, false},
		{config.Patch{set, unset}, false},
	} {
		if got := (&request.Change{Patch: tt.patch}).Writable(); got != tt.want {
			t.Errorf("%v: writable %v, want %v", tt.patch, got, tt.want)
		}
	}
}

func TestAResizeSaysWhatItDid(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "web: the master process serves it",
		1: "web: 1 worker wanted",
		2: "web: 2 workers wanted",
	} {
		if got := request.Resize("web", n); got.Done != want || *got.Workers != n {
			t.Errorf("resize to %d: %q with %d workers, want %q", n, got.Done, *got.Workers, want)
		}
	}
}

func TestTheRuntimeGetsAllOfAChange(t *testing.T) {
	t.Parallel()
	c := request.Change{Patch: config.Patch{{Path: "a", Value: "1"}}, Persist: true, Confirm: time.Minute, Config: "x"}
	got := c.Control(9)
	if got.Base != 9 || !got.Persist || got.Confirm != config.Duration(time.Minute) || got.Config != "x" ||
		len(got.Patch) != 1 || got.Actor != request.Actor {
		t.Errorf("%+v", got)
	}
}
