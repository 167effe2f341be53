package cli_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// cutting is a runtime that cuts two connections in every change, of which it had
// planned so many. The receipt is closed at the fourth look, unless it drains.
type cutting struct {
	*controltest.Fake
	planned int
	looks   atomic.Int64
	drains  bool // for ever
}

func (c *cutting) Apply(context.Context, control.Change) (*control.Result, error) {
	return &control.Result{ID: 12, Generation: 7, Message: "web changes"}, nil
}

func (c *cutting) Act(context.Context, control.Action) (*control.Result, error) {
	return &control.Result{ID: 12, Generation: 7, Message: "web changes"}, nil
}

func (c *cutting) Watch(ctx context.Context, _ control.WatchOptions, fn func(*control.Snapshot)) error {
	for ctx.Err() == nil {
		s, err := c.Snapshot(ctx)
		if err != nil {
			return err
		}
		fn(s)
	}
	return ctx.Err()
}

func (c *cutting) Snapshot(ctx context.Context) (*control.Snapshot, error) {
	s, err := c.Fake.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	looks := c.looks.Add(1)
	r := control.Receipt{ID: 12, Open: 2, Kept: 4, Planned: control.ReceiptPlan{Drained: 2, Cut: c.planned}}
	if looks > 3 && !c.drains {
		r.Open, r.Closed = 0, true
		r.Add("web", control.EndedDeadline, 2)
		r.Add("web", control.EndedMoved, 3)
	}
	s.Receipts = append(s.Receipts, r)
	return s, nil
}

var changingCommands = []string{
	"set listeners.web.timeouts.idle 3s", "unset listeners.web.timeouts.idle --yes", "reload", "confirm", "rollback",
	"rollback 1", "restart web", "restart web/0", "drain web --now", "drain web --extend 5s", "scale web 2", "held accept",
}

func TestEveryCommandThatChangesEndsInAReceipt(t *testing.T) {
	for _, args := range changingCommands {
		for planned, want := range map[int]int{2: 0, 1: 1} {
			p := on(t, &cutting{Fake: controltest.NewFake(scene()), planned: planned})
			code := p.run(t, append(strings.Fields(args), "--json")...)
			var got struct {
				ID                        *uint64
				Drained, Cut, Kept, Moved *int
				Closed                    bool
				Message                   string
			}
			if err := json.Unmarshal(p.stdout.Bytes(), &got); err != nil {
				t.Errorf("%s: stdout %s is not one document: %v", args, &p.stdout, err)
				continue
			}
			if code != want || got.ID == nil || *got.ID != 12 || got.Cut == nil || *got.Cut != 2 || got.Moved == nil || *got.Moved != 3 ||
				got.Kept == nil || *got.Kept != 4 || got.Drained == nil || *got.Drained != 0 || !got.Closed || got.Message == "" {
				t.Errorf("%s with %d cuts planned: exit code %d, want %d; stdout %s, stderr %s", args, planned, code, want, &p.stdout, &p.stderr)
			}
		}
	}
}

func TestAReceiptIsToldInWords(t *testing.T) {
	p := on(t, &cutting{Fake: controltest.NewFake(scene())})
	code := p.run(t, "set", "listeners.web.timeouts.idle", "3s")
	if code != 1 || !strings.Contains(p.stdout.String(), "2 connections cut at the deadline, 3 moved to another process\n") ||
		!strings.Contains(p.stderr.String(), "2 connections were cut beyond those in the plan") {
		t.Errorf("exit code %d, stdout %s, stderr %s", code, &p.stdout, &p.stderr)
	}
}

func TestNoWaitReturnsBeforeTheReceiptIsClosed(t *testing.T) {
	p := on(t, &cutting{Fake: controltest.NewFake(scene()), drains: true})
	code := p.run(t, "set", "listeners.web.timeouts.idle", "3s", "--no-wait")
	if code != 0 || !strings.Contains(p.stdout.String(), "2 connections still draining") {
		t.Errorf("exit code %d, stdout %s, stderr %s", code, &p.stdout, &p.stderr)
	}
}

// silent is a runtime that shows nothing after a change.
type silent struct{ cutting }

func (*silent) Watch(ctx context.Context, _ control.WatchOptions, _ func(*control.Snapshot)) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestATimeoutBeforeTheReceiptIsSeenSaysSo(t *testing.T) {
	p := on(t, &silent{cutting{Fake: controltest.NewFake(scene())}})
	code := p.run(t, "set", "listeners.web.timeouts.idle", "3s", "--timeout", "50ms")
	if code != 1 || !strings.Contains(p.stderr.String(), "changed; what became of the connections was not told within 50ms") {
		t.Errorf("exit code %d, stdout %s, stderr %s", code, &p.stdout, &p.stderr)
	}
}

// late is a runtime that takes its time to stop a listener, and drains for ever.
type late struct {
	cutting
	stops time.Time
}

func (l *late) Watch(ctx context.Context, o control.WatchOptions, fn func(*control.Snapshot)) error {
	return l.cutting.Watch(ctx, o, func(s *control.Snapshot) {
		if time.Now().After(l.stops) {
			s.Listeners[0].State = control.StateStopped
		}
		fn(s)
		time.Sleep(5 * time.Millisecond)
	})
}

func TestATimeoutIsForAllThatIsWaitedFor(t *testing.T) {
	t.Parallel()
	l := &late{cutting: cutting{Fake: controltest.NewFake(scene()), drains: true}, stops: time.Now().Add(1800 * time.Millisecond)}
	s, err := l.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, began := on(t, l), time.Now()
	code := p.run(t, "stop", s.Listeners[0].Name, "--timeout", "2s")
	if took := time.Since(began); code != 1 || took > 3300*time.Millisecond {
		t.Errorf("exit code %d after %s, want 1 after 2s; stdout %s, stderr %s", code, took, &p.stdout, &p.stderr)
	}
}
