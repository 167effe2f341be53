package main

import (
	"encoding/json"
	"go/build"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/echterhof/rockstar-tui"

// allowed says which packages of ours a package may import; a trailing /... takes
// in what lies below. ARCHITECTURE.md has the same table for people.
var allowed = map[string][]string{
	"themes":                      {},
	"listener":                    {"internal/httpsyntax", "internal/spare", "internal/wire", "listener/sockets", "internal/printable"},
	"listener/sockets":            {},
	"prefork":                     {"internal/printable"},
	"pool":                        {"internal/httpsyntax", "internal/spare", "internal/wire"},
	"runtime/internal/watch":      {"internal/osfile"},
	"pool/httpclient":             {},
	"runtime/config":              {"internal/osfile", "internal/words"},
	"runtime/internal/demo":       {},
	"runtime/internal/scoreboard": {"listener", "pool", "runtime/control"},
	"runtime/internal/certs":      {"internal/words", "runtime/config", "runtime/control/problems", "runtime/internal/slowdisk"},
	"runtime/internal/events":     {"runtime/control", "runtime/control/message"},
	"runtime/internal/ledger":     {"internal/words", "runtime/config", "runtime/control", "runtime/control/message"},
	"runtime/internal/change": {
		"internal/words", "runtime/config", "runtime/control", "runtime/control/message", "runtime/internal/certs",
		"runtime/internal/endpoints", "runtime/internal/events", "runtime/internal/ledger", "runtime/internal/monitor",
		"runtime/internal/probe", "runtime/internal/scoreboard", "runtime/internal/serving",
		"runtime/internal/slowdisk", "runtime/internal/statedir", "runtime/internal/steps", "runtime/internal/watch",
	},
	"runtime/internal/slowdisk":    {},
	"runtime/internal/procstat":    {"internal/words"},
	"runtime/internal/logqueue":    {},
	"runtime/internal/staticfiles": {"internal/osfile", "listener", "internal/spare"},
	"runtime/internal/nethttp":     {"listener"},
	"runtime/internal/routes":      {"listener", "pool", "runtime/config", "runtime/internal/nethttp", "runtime/internal/staticfiles"},
	"runtime/internal/serving": {
		"listener", "listener/sockets", "pool", "prefork", "runtime/config", "runtime/control", "runtime/internal/certs",
		"runtime/internal/logqueue", "runtime/internal/routes", "runtime/internal/scoreboard",
	},
	"runtime/internal/steps": {
		"prefork", "runtime/config", "runtime/control", "runtime/control/message", "runtime/internal/certs", "runtime/internal/endpoints", "runtime/internal/ledger",
		"runtime/internal/monitor", "runtime/internal/plan", "runtime/internal/probe", "runtime/internal/scoreboard",
		"runtime/internal/serving", "runtime/internal/slowdisk",
	},
	"runtime/internal/monitor": {
		"listener", "pool", "prefork", "runtime/config", "runtime/control", "runtime/control/problems", "runtime/internal/certs",
		"runtime/internal/endpoints", "runtime/internal/events", "runtime/internal/procstat", "runtime/internal/scoreboard",
		"runtime/control/message",
	},
	"runtime/internal/endpoints": {
		"internal/words", "listener", "listener/sockets", "prefork", "runtime/config", "runtime/control",
		"runtime/internal/events", "runtime/internal/procstat", "runtime/internal/scoreboard", "runtime/internal/serving",
		"runtime/control/message",
	},
	"runtime/internal/reaper": {},
	"runtime/internal/upgrade": {
		"pool", "prefork", "runtime/config", "runtime/control", "runtime/control/socket", "runtime/internal/certs",
		"runtime/internal/endpoints", "runtime/internal/events", "runtime/internal/ledger", "runtime/internal/monitor",
		"runtime/internal/scoreboard", "runtime/internal/serving", "internal/words",
		"runtime/control/message",
	},
	"runtime/internal/statedir":   {"internal/osfile"},
	"runtime/internal/plan":       {"runtime/config", "runtime/control", "runtime/control/message"},
	"runtime/control":             {"internal/printable", "runtime/config", "runtime/control/message", "runtime/control/socket"},
	"runtime/control/message":     {},
	"runtime/control/socket":      {"internal/osfile"},
	"runtime/control/problems":    {"runtime/control", "runtime/control/message"},
	"runtime/internal/probe":      {"internal/spare", "internal/words", "runtime/config", "runtime/control", "runtime/internal/procstat"},
	"runtime/control/controltest": {"internal/words", "runtime/control", "runtime/control/problems", "runtime/config", "runtime/internal/ledger", "runtime/internal/plan", "runtime/control/message"},
	"runtime": {
		"listener",
		"pool/httpclient",
		"prefork",
		"runtime/config",
		"runtime/control",
		"runtime/control/message",
		"runtime/control/problems",
		"runtime/control/socket",
		"runtime/internal/certs",
		"runtime/internal/change",
		"runtime/internal/demo",
		"runtime/internal/endpoints",
		"runtime/internal/events",
		"runtime/internal/ledger",
		"runtime/internal/logqueue",
		"runtime/internal/monitor",
		"runtime/internal/nethttp",
		"runtime/internal/procstat",
		"runtime/internal/reaper",
		"runtime/internal/routes",
		"runtime/internal/scoreboard",
		"runtime/internal/serving",
		"runtime/internal/slowdisk",
		"runtime/internal/upgrade",
	},
	"tui/termquery":        {},
	"tui/term":             {},
	"tui/feed":             {"runtime/control"},
	"tui/component":        {"themes", "internal/printable"},
	"tui/page":             {"tui/component", "themes", "runtime/control", "runtime/config", "internal/printable"},
	"internal/words":       {},
	"internal/printable":   {},
	"internal/osfile":      {},
	"tui/request":          {"internal/words", "runtime/control", "runtime/config"},
	"tui/dialog":           {"tui/component"},
	"tui/action":           {"internal/words", "tui/request", "tui/dialog", "tui/page", "tui/component", "runtime/control", "runtime/config"},
	"tui":                  {"internal/words", "tui/termquery", "tui/term", "tui/feed", "tui/action", "tui/dialog", "tui/page", "tui/component", "themes", "runtime/control", "runtime/config"},
	"internal/cli/render":  {"internal/words", "runtime/control", "runtime/config", "internal/printable"},
	"internal/cli":         {"internal/cli/render", "internal/words", "runtime/control", "runtime/control/socket", "runtime/config", "internal/selfsigned", "internal/printable"},
	"internal/selfsigned":  {},
	"internal/rawclient":   {},
	"internal/roamer":      {"internal/rawclient"},
	"internal/httpsyntax":  {},
	"internal/spare":       {},
	"internal/wire":        {},
	"internal/bench":       {"internal/selfsigned"},
	"internal/torture":     {"runtime/control", "internal/rawclient", "internal/selfsigned"},
	"examples":             {},
	"examples/clients":     {"runtime"},
	"examples/cockpit":     {"runtime", "tui"},
	"examples/complete":    {"runtime"},
	"examples/monitoring":  {"runtime"},
	"examples/protocols":   {"runtime"},
	"examples/ratelimited": {"runtime"},
	"":                     {"runtime", "runtime/control", "runtime/config", "tui", "internal/cli"},
}

// forbidden are packages of others that a package of ours must not import, and why.
var forbidden = map[string]map[string]string{
	"runtime/config": {
		"os/exec": "config is pure", "net/http/httptest": "config is pure",
		"github.com/fsnotify/fsnotify": "config is pure; package watch watches",
	},
	"runtime/control": {
		"github.com/quic-go/quic-go": "the contract knows no mechanism",
		"github.com/charmbracelet":   "the contract knows no screen",
	},
	"runtime/internal/plan": {"os": pureRoom, "net": pureRoom, "sync": pureRoom, "context": pureRoom},
	"runtime":               {"github.com/charmbracelet": "who embeds the runtime must not get a screen with it"},
}

const pureRoom = "what it decides depends on nothing but what it is given"

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		may, known := allowed[name]
		if !known {
			t.Errorf("package %q is not in the table of imports: add it here and to ARCHITECTURE.md", name)
			continue
		}
		for _, imported := range p.Imports {
			checkImport(t, name, imported, may)
		}
	}
}

func checkImport(t *testing.T, name, imported string, may []string) {
	if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
		for _, m := range may {
			if m == ours {
				return
			}
		}
		t.Errorf("package %q imports %q of ours, which it may not", name, ours)
	}
	for prefix, why := range forbidden[name] {
		if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
			t.Errorf("package %q imports %q: %s", name, imported, why)
		}
	}
}

func TestEveryPackageIsDocumentedOnce(t *testing.T) {
	for _, p := range packages(t) {
		if strings.TrimSpace(p.Doc) == "" {
			t.Errorf("package %s has no package comment", p.ImportPath)
		}
	}
}

func packages(t *testing.T) []build.Package {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Doc", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []build.Package
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p build.Package
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
