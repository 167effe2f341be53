//go:build unix

package runtime_test

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

func TestPlanTriesWhatCouldFail(t *testing.T) {
	app := open(t, preforked)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	cert, key, _ := pair(t)
	for name, c := range map[string]struct{ edit, want string }{
		"address in use":      {"listeners.web.address=" + taken.Addr().String(), "address already in use"},
		"UDP port in use":     {"listeners.q={address: '" + packets.LocalAddr().String() + "', protocol: quic, tls: {cert_file: " + cert + ", key_file: " + key + "}}", "address already in use"},
		"no such directory":   {"listeners.web.routes=[{match: /, files: {root: /does/not/exist}}]", "no such file"},
		"no such certificate": {"listeners.web.tls={cert_file: /does/not/exist, key_file: /x}", "no such file"},
		"not our address":     {"listeners.web.address=192.0.2.1:80", "cannot assign"},
	} {
		before := stable(t, app)
		_, err := app.Plan(t.Context(), control.Change{Patch: patch(c.edit)})
		if err == nil || control.AsError(err).Code != control.CodeRefused || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it refused: %s", name, err, c.want)
		}
		if after := stable(t, app); after != before {
			t.Errorf("%s: the plan changed something:\n%s\n%s", name, before, after)
		}
	}
}

func TestPlanWarnsOfBackendsThatDoNotAnswer(t *testing.T) {
	app := open(t, inProcess)
	dead := freeAddress(t)
	p, err := app.Plan(t.Context(), control.Change{Patch: patch("pools.api={backends: {a: {url: 'http://" + dead + "'}}}")})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 1 || !strings.HasPrefix(p.Warnings[0], "backend a of pool api does not answer: ") {
		t.Errorf("got %q", p.Warnings)
	}
}

func TestPlanTellsTheFateOfEachWorker(t *testing.T) {
	app := open(t, preforked)
	for _, c := range []struct {
		edit string
		want []string
	}{
		{"listeners.web.prefork.workers=5", []string{"update", "update", "update", "update", "start"}},
		{"listeners.web.prefork.workers=2", []string{"update", "update", "retire", "retire"}},
		{"listeners.web.prefork.workers=0", []string{"retire", "retire", "retire", "retire"}},
		{"listeners.web.enabled=false", []string{"retire", "retire", "retire", "retire"}},
		{"listeners.web.timeouts.idle=7s", []string{"update", "update", "update", "update"}},
		{"listeners.web.address=" + freeAddress(t), []string{"retire", "retire", "retire", "retire", "start", "start", "start", "start"}},
	} {
		p, err := app.Plan(t.Context(), control.Change{Patch: patch(c.edit)})
		if err != nil || len(p.Listeners) != 1 {
			t.Fatalf("%s: %v %+v", c.edit, err, p)
		}
		var got []string
		for _, w := range p.Listeners[0].Workers {
			got = append(got, string(w.Action))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.edit, got, c.want)
		}
		if started := p.Listeners[0].WorkersStarted; p.Needs.Processes != started || started > 0 && p.Needs.MemoryBytes == 0 {
			t.Errorf("%s: needs %+v for %d new workers", c.edit, p.Needs, started)
		}
	}
}
