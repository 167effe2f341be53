package page_test

import (
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/tui/page"
)

func TestMatchIsASubstringOfAnyTextOrOfNone(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		want    bool
	}{
		{"", true}, {"!", true}, {"web", true}, {"WEB", true}, {"serv", true}, {"api", false}, {"!web", false}, {"! api", true}, {" web ", true},
	} {
		if got := page.Match(tt.pattern, "web", "serving"); got != tt.want {
			t.Errorf("Match(%q) = %v, want %v", tt.pattern, got, tt.want)
		}
	}
}

func TestRatesOfWorkersFollowTheProcessNotItsPlace(t *testing.T) {
	before, now := controltest.Scene("busy"), controltest.Scene("busy")
	now.Time = now.Time.Add(time.Second)
	workers := now.Listeners[1].Workers
	workers[0].Requests += 100
	workers[0].CPUSeconds += 0.25
	workers[1].PID += 1000 // replaced: another process in the same place
	d := page.Compare(now, before)
	if got := d.Listeners[1].Workers[0]; got.Requests != 100 || got.CPU != 0.25 {
		t.Errorf("worker 0 has %v requests/s and %v CPU, want 100 and 0.25", got.Requests, got.CPU)
	}
	if got := d.Listeners[1].Workers[1].Requests; got >= 0 {
		t.Errorf("the new process has %v requests/s, want none yet", got)
	}
}

func TestFirstSnapshotHasTheRatesOfItsHistory(t *testing.T) {
	s := controltest.Scene("busy")
	history := s.Listeners[1].History
	if got, want := page.Compare(s, nil).Listeners[1].Requests, float64(history[len(history)-1].Requests); got != want {
		t.Errorf("%v requests/s, want %v", got, want)
	}
	s.Listeners[1].History = nil
	if got := page.Compare(s, nil).Listeners[1].Requests; got >= 0 {
		t.Errorf("%v requests/s without a history, want none yet", got)
	}
}

func TestTotalsAddUp(t *testing.T) {
	d := page.Compare(controltest.Scene("busy"), nil)
	if d.Open() != 224 {
		t.Errorf("%d open, want 224", d.Open())
	}
}

func TestUnsettledIsWhatStartsOrDrains(t *testing.T) {
	for scene, want := range map[string]bool{"idle": false, "busy": false, "draining": true, "stopped": false, "empty": false} {
		if got := page.Compare(controltest.Scene(scene), nil).Unsettled(); got != want {
			t.Errorf("%s: %v, want %v", scene, got, want)
		}
	}
}

func TestGoneListenerIsNil(t *testing.T) {
	var none *page.Data
	if none.Listener("web") != nil || page.Compare(&control.Snapshot{}, nil).Listener("web") != nil {
		t.Error("found a listener where there is none")
	}
}

func TestDurationsAreWrittenBriefly(t *testing.T) {
	for in, want := range map[string]string{"2m0s": "2m", "1h0m0s": "1h", "10s": "10s", "1m30s": "1m30s", "10m0s": "10m", "100ms": "100ms"} {
		if got := page.Brief(in); got != want {
			t.Errorf("Brief(%s) = %s, want %s", in, got, want)
		}
	}
	if got := page.Tidy("0s"); got != "none" {
		t.Errorf("Tidy(0s) = %s", got)
	}
}
