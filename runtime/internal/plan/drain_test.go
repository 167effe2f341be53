package plan_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
)

// A drain takes as long as the oldest request has taken so far, at most up to the
// deadline, where what is no longer HTTP always goes.
func TestPlansJudgeADrainByTheAges(t *testing.T) {
	for name, c := range map[string]struct {
		seen           []control.Connection
		oldest, likely string
		cut            string // peers
	}{
		"nobody is busy":       {[]control.Connection{idle(3)}, "", "0s", ""},
		"others are busy":      {[]control.Connection{busy(0, "http/1.1", "", 20*time.Second)}, "", "0s", ""},
		"since just now":       {[]control.Connection{busy(3, "http/1.1", "", 0)}, "1ms", "1ms", ""},
		"since later":          {[]control.Connection{busy(3, "http/1.1", "", -time.Second)}, "1ms", "1ms", ""},
		"for a while":          {[]control.Connection{busy(3, "http/1.1", "", 1234567*time.Microsecond)}, "1.235s", "1.235s", ""},
		"of several the first": {[]control.Connection{busy(3, "http/1.1", "", time.Second), busy(2, "http/1.1", "", 2*time.Second)}, "2s", "2s", ""},
		"long-lived":           {[]control.Connection{busy(3, "http/1.1", "", 5*time.Second)}, "5s", "5s", "3 5s"},
		"not quite":            {[]control.Connection{busy(3, "http/1.1", "", 5*time.Second-1)}, "5s", "5s", ""},
		"beyond the deadline":  {[]control.Connection{busy(3, "http/1.1", "", time.Hour)}, "1h0m0s", "30s", "3 1h0m0s"},
		"a streamed response":  {[]control.Connection{busy(3, "http/1.1", "GET /events", 2*time.Second)}, "2s", "2s", "3 2s GET /events"},
		"a young h2 request":   {[]control.Connection{busy(3, "h2", "GET /", time.Second-1)}, "1s", "1s", ""},
		"an h2 stream":         {[]control.Connection{busy(3, "h2", "", time.Second)}, "1s", "1s", "3 1s"},
		"a websocket":          {[]control.Connection{busy(3, "websocket", "GET /chat", time.Second)}, "1s", "30s", "3 1s GET /chat"},
		"another protocol":     {[]control.Connection{busy(3, "upgraded", "", time.Second), busy(2, "h2", "", 2*time.Second)}, "2s", "30s", "2 2s, 3 1s"},
	} {
		v := viewOf(parse(t, scene))
		l := planOf(t, v, []string{"listeners.web.prefork.workers=2"}, plan.Seen{Connections: c.seen}).Listeners[0]
		var cut []string
		for _, one := range l.LongLived {
			cut = append(cut, strings.TrimSpace(fmt.Sprintf("%d %s %s", one.Worker, one.Age, one.Request)))
			if one.Peer != fmt.Sprint("peer of ", one.Worker) || one.Protocol == "" {
				t.Errorf("%s: got %+v", name, one)
			}
		}
		if l.OldestRequest != c.oldest || l.Likely != c.likely || strings.Join(cut, ", ") != c.cut || l.Cut != len(cut) {
			t.Errorf("%s: oldest %q, likely %q, %d cut: %q; want %+v", name, l.OldestRequest, l.Likely, l.Cut, cut, c)
		}
	}
}

func TestWhatIsCutIsSaid(t *testing.T) {
	chat := func(n int) (all []control.Connection) {
		for id := range n {
			all = append(all, busy(id%4, "websocket", "", time.Minute))
		}
		return all
	}
	stop := []string{"listeners.web.enabled=false"}
	for _, c := range []struct {
		n, named int
		shutdown string
		want     string
	}{
		{1, 1, "30s", "; 1 connection is cut if still busy after 30s"},
		{21, 20, "30s", "; 21 connections are cut if still busy after 30s"},
		{1, 1, "0s", ""}, // nothing is ever cut
	} {
		v := viewOf(with(t, parse(t, scene), "listeners.web.timeouts.shutdown="+c.shutdown))
		l := planOf(t, v, stop, plan.Seen{Connections: chat(c.n)}).Listeners[0]
		if want := "web stops, 12 connections end after the current request" + c.want; l.Summary != want || len(l.LongLived) != c.named || l.Cut != c.n || l.Deadline != c.shutdown {
			t.Errorf("%+v: got %+v, want %q", c, l, want)
		}
	}
	v := viewOf(with(t, parse(t, scene), "listeners.web.timeouts.shutdown=0s"))
	if l := planOf(t, v, stop, plan.Seen{Connections: chat(1)}).Listeners[0]; l.Likely != "1m0s" {
		t.Errorf("without a deadline a chat of a minute will likely last %s, want as long again", l.Likely)
	}
}

// An update waits for requests under way for as long as they take.
func TestAnUpdateCutsNothing(t *testing.T) {
	for _, name := range []string{"web", "local"} {
		seen := plan.Seen{Connections: []control.Connection{busy(0, "websocket", "", time.Minute)}}
		l := planOf(t, viewOf(parse(t, scene)), []string{"listeners." + name + ".keep_alive.enabled=false"}, seen).Listeners[0]
		if l.Cut != 0 || l.LongLived != nil || l.OldestRequest != "1m0s" || l.Likely != "30s" {
			t.Errorf("%s: got %+v", name, l)
		}
	}
}

// Connections of HTTP/1.1 in clear move to those who serve on, unless they last.
func TestConnectionsMoveToWhoServesOn(t *testing.T) {
	all := []control.Connection{
		idle(0), idle(2), idle(3), busy(3, "http/1.1", "", time.Second), busy(3, "http/1.1", "GET /events", time.Second),
		busy(2, "h2", "", 0), busy(3, "websocket", "", 0), {Worker: 3, State: "idle", Protocol: "h2", Since: now},
	}
	for _, c := range []struct {
		name, edits   string
		kept, drained int
	}{
		{"fewer workers", "listeners.web.prefork.workers=2", 6 + 3, 3},
		{"one worker fewer", "listeners.web.prefork.workers=3", 9 + 2, 1},
		{"out of workers", "listeners.web.prefork.workers=0", 4, 8},
		{"more workers", "listeners.web.prefork.workers=5", 12, 0},
		{"into workers", "listeners.local.prefork.workers=2", 4, 3},
		{"with TLS", "listeners.web.prefork.workers=2 listeners.web.tls={cert_file: c, key_file: k}", 6, 6},
		{"with another protocol", "listeners.web.prefork.workers=2 listeners.web.protocol=http2 listeners.web.h2c=true", 6, 6},
	} {
		v := viewOf(parse(t, scene))
		if l := planOf(t, v, edits(c.edits), plan.Seen{Connections: all}).Listeners[0]; l.Kept != c.kept || l.Drained != c.drained {
			t.Errorf("%s: %d are kept and %d drained, want %d and %d", c.name, l.Kept, l.Drained, c.kept, c.drained)
		}
	}
	v := viewOf(parse(t, scene))
	if l := planOf(t, v, []string{"listeners.web.prefork.workers=3"}, plan.Seen{Connections: []control.Connection{idle(3), idle(3), idle(3), idle(3)}}).Listeners[0]; l.Drained != 0 || l.Kept != 12 {
		t.Errorf("one that has come meanwhile: %d drained, %d kept", l.Drained, l.Kept)
	}
}

func TestReplacementTellsWhatEndsAndWhatIsCut(t *testing.T) {
	var clear config.Listener
	clear.Timeouts.Shutdown = config.Duration(3 * time.Second)
	tls := clear
	tls.TLS = &config.TLS{}
	all := []control.Connection{
		idle(0), busy(0, "http/1.1", "", time.Second), // both move, in clear
		busy(0, "http/1.1", "", 3*time.Second),                        // stays for too long
		busy(0, "websocket", "", 0),                                   // lasts
		{State: "idle", Protocol: "h2", Since: now.Add(-time.Minute)}, // ends
	}
	for name, c := range map[string]struct {
		l    config.Listener
		want control.ReceiptPlan
	}{
		"in clear":           {clear, control.ReceiptPlan{Drained: 3, Cut: 2}},
		"with TLS":           {tls, control.ReceiptPlan{Drained: 5, Cut: 2}},
		"without a deadline": {config.Listener{}, control.ReceiptPlan{Drained: 2, Cut: 1}},
	} {
		if got := plan.Replacement(c.l, all, now); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}
