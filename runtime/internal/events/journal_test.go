package events_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

// shown is how many events a snapshot carries.
const shown = 100

func silent() *events.Journal { return events.New(slog.New(slog.DiscardHandler)) }

func TestTheNewestEventsAreKept(t *testing.T) {
	j := silent()
	for i := range 5*shown + 7 {
		j.Add(control.Event{Level: control.LevelInfo, Listener: "web", Message: fmt.Sprintf("event %d", i+1)})
		_, all := j.All()
		newest := j.Newest()
		if len(all) > 2*shown || len(newest) != min(i+1, shown) {
			t.Fatalf("after %d events %d are kept and %d are shown", i+1, len(all), len(newest))
		}
		for k, e := range newest {
			if want := uint64(i + 2 - len(newest) + k); e.Seq != want {
				t.Fatalf("after %d events, number %d is shown at %d, want %d", i+1, e.Seq, k, want)
			}
		}
	}
}

func TestWhatIsShownIsACopy(t *testing.T) {
	j := silent()
	j.Add(control.Event{Level: control.LevelInfo, Listener: "", Message: "one"})
	j.Newest()[0].Message = "another"
	if got := j.Newest()[0].Message; got != "one" {
		t.Errorf("the journal says %q", got)
	}
}

func TestAnotherProgramGoesOn(t *testing.T) {
	a, b := silent(), silent()
	a.Add(control.Event{Level: control.LevelInfo, Listener: "web", Message: "one"})
	a.Add(control.Event{Level: control.LevelError, Listener: "", Message: "two"})
	b.Add(control.Event{Level: control.LevelInfo, Listener: "", Message: "is replaced by what is resumed"})
	b.Resume(a.All())
	b.Add(control.Event{Level: control.LevelInfo, Listener: "", Message: "three"})
	got := b.Newest()
	if len(got) != 3 || got[1].Message != "two" || got[1].Level != control.LevelError || got[2].Seq != 3 {
		t.Errorf("events %+v, want three in a row", got)
	}
}

func TestEventsAreRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := silent()
		_, more := j.After("", 0, 10)
		j.Add(control.Event{Level: control.LevelInfo, Listener: "web", Message: "one"})
		select {
		case <-more:
		default:
			t.Error("who waits is not told of an event")
		}
		j.Add(control.Event{Level: control.LevelInfo, Listener: "api", Message: "two"}) // at the same time, by the clock
		j.Add(control.Event{Level: control.LevelInfo, Listener: "web", Message: "three"})
		texts := func(listener string, after uint64, limit int) (out string, last uint64) {
			found, _ := j.After(listener, after, limit)
			for _, r := range found {
				out, last = out+" "+r.Event.Message, r.Position
			}
			return strings.TrimSpace(out), last
		}
		all, last := texts("", 0, 10)
		if all != "one two three" {
			t.Errorf("all are %q", all)
		}
		if got, _ := texts("web", 0, 10); got != "one three" {
			t.Errorf("those about web are %q", got)
		}
		first, at := texts("", 0, 1)
		rest, _ := texts("", at, 10)
		if first != "one" || rest != "two three" {
			t.Errorf("in two parts: %q, %q", first, rest)
		}
		if got, _ := texts("", last, 10); got != "" {
			t.Errorf("behind the last: %q", got)
		}
		if got, _ := texts("", last+1, 10); got != "one two three" {
			t.Errorf("at a position of another time: %q, want all", got)
		}
		time.Sleep(time.Second)
		j.Add(control.Event{Level: control.LevelInfo, Listener: "", Message: "four"})
		if got, at := texts("", last, 10); got != "four" || at != uint64(time.Now().UnixMicro()) {
			t.Errorf("later: %q at %d", got, at)
		}
	})
}

func TestEventsAreLogged(t *testing.T) {
	var out bytes.Buffer
	j := events.New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	worker := 3
	j.Add(control.Event{Level: control.LevelInfo, Listener: "", Message: "fine"})
	j.Add(control.Event{Level: control.LevelWarn, Listener: "web", Message: "hm"})
	e := events.By("alice", control.LevelError, message.Plain("done"), "a try")
	e.Listener, e.Worker = "web", &worker
	j.Add(e)
	want := "level=INFO msg=fine\nlevel=WARN msg=hm listener=web\nlevel=ERROR msg=\"done (a try)\" listener=web worker=3 actor=alice\n"
	if got := out.String(); got != want {
		t.Errorf("the log has\n%swant\n%s", got, want)
	}
	if e := events.By("alice", control.LevelInfo, message.Plain("done"), ""); e.Message != "done" || e.Code != "" {
		t.Errorf("without a reason: %+v", e)
	}
}
