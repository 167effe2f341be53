package cli_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

func TestUpgradeNamesTheProgramAndWaits(t *testing.T) {
	fake := controltest.NewFake(scene())
	p := on(t, fake)
	if code := p.run(t, "upgrade", "--json", "--binary", "next"); code != 0 {
		t.Fatalf("exit code %d: %s", code, &p.stderr)
	}
	var u control.Upgrade
	if err := json.Unmarshal(p.stdout.Bytes(), &u); err != nil || u.State != control.UpgradeDone || u.To != u.From+"+1" {
		t.Errorf("printed %s, %v", &p.stdout, err)
	}
	if a := fake.Actions(); len(a) != 1 || a[0].Kind != control.Replace || !filepath.IsAbs(a[0].Binary) || filepath.Base(a[0].Binary) != "next" {
		t.Errorf("acted %+v, want an upgrade to an absolute path", a)
	}
}

func TestFailedUpgradeIsRefused(t *testing.T) {
	s := scene()
	fake := controltest.NewFake(s)
	p := on(t, &failing{fake})
	if code := p.run(t, "upgrade"); code != 6 || !strings.Contains(p.stderr.String(), "version 1 keeps running") {
		t.Errorf("exit code %d, %s; want 6 and why", code, &p.stderr)
	}
	fake.Refuse(&control.Error{Code: control.CodeRefused, Message: "not fit"})
	if code := p.run(t, "upgrade"); code != 6 || !strings.Contains(p.stderr.String(), "not fit") {
		t.Errorf("exit code %d, %s; want 6 and why", code, &p.stderr)
	}
}

// failing says after an upgrade was begun that it has failed.
type failing struct{ *controltest.Fake }

func (f *failing) Snapshot(ctx context.Context) (*control.Snapshot, error) {
	s, err := f.Fake.Snapshot(ctx)
	if err == nil && s.Upgrade != nil {
		again := *s
		again.Upgrade = &control.Upgrade{Number: s.Upgrade.Number, State: control.UpgradeFailed, Error: "version 1 keeps running"}
		s = &again
	}
	return s, err
}
