//go:build linux

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
)

// model is the config file, as the operations want it to be.
type model struct {
	version   int // of the routes
	extra     int // a route that comes and goes
	listeners map[string]*modelListener
	timeouts  map[string]int // seconds, by name
	maxConns  int            // of the pool
	backends  []*backend
	second    bool // backend is in the pool
	weight    int
}

type modelListener struct {
	settings string // that never change
	address  string
	ports    [2]int
	workers  int
	enabled  bool
	absent   bool // from the file
}

// Listeners under load, and others that come and go beside them.
const (
	web    = "web"
	secure = "secure"
	edge   = "edge"
)

var (
	loaded = []string{web, secure, edge}
	others = []string{"aside", "beside"}
)

func newModel(backends []*backend) (*model, error) {
	// Ports are no part of what a seed repeats.
	rng := rand.New(rand.NewPCG(rand.Uint64(), 0))
	m := &model{version: 1, backends: backends, second: true, weight: 1, maxConns: 256,
		timeouts: map[string]int{"read": 30, "read_header": 30, "write": 30, "idle": 120, "shutdown": 30}, listeners: map[string]*modelListener{}}
	const tls = "    tls: {cert_file: cert.pem, key_file: key.pem}\n"
	settings := map[string]string{
		web: "", secure: "    protocol: http2\n" + tls, edge: "    protocol: quic\n" + tls, "aside": "", "beside": "",
	}
	workers := map[string]int{web: 3, secure: 2, edge: 2, "aside": 0, "beside": 1}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		l := &modelListener{settings: settings[name], workers: workers[name], enabled: true}
		for i := range l.ports {
			var err error
			if l.ports[i], err = freePort(rng); err != nil {
				return nil, err
			}
		}
		l.address = fmt.Sprintf("%s:%d", hosts[0], l.ports[0])
		m.listeners[name] = l
	}
	return m, nil
}

// render writes the file's text.
func (m *model) render() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ndefaults:\n  timeouts: {")
	for i, name := range slices.Sorted(maps.Keys(m.timeouts)) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s: %ds", name, m.timeouts[name])
	}
	b.WriteString("}\nlisteners:\n")
	for _, name := range slices.Sorted(maps.Keys(m.listeners)) {
		l := m.listeners[name]
		if l.absent {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n%s    address: %q\n    enabled: %v\n    prefork: {workers: %d}\n    routes:\n", name, l.settings, l.address, l.enabled, l.workers)
		fmt.Fprintf(&b, "      - {match: /hello, respond: {body: %q}}\n", greeting)
		fmt.Fprintf(&b, "      - {match: /version, respond: {body: %q}}\n", versionBody(m.version))
		b.WriteString("      - {match: /echo, proxy: {pool: echo}}\n      - {match: /socket, proxy: {pool: echo}}\n")
		if m.extra > 0 {
			fmt.Fprintf(&b, "      - {match: /extra/%d, respond: {status: 204}}\n", m.extra)
		}
	}
	fmt.Fprintf(&b, "pools:\n  echo:\n    max_conns: %d\n    backends:\n      one: {url: %q}\n", m.maxConns, m.backends[0].url)
	if m.second {
		fmt.Fprintf(&b, "      two: {url: %q, weight: %d}\n", m.backends[1].url, m.weight)
	}
	return b.String()
}

// save writes the file in one go, as an editor would.
func (s *site) save() error {
	temporary := s.path(".rockstar.yaml.new")
	if err := os.WriteFile(temporary, []byte(s.model.render()), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, s.path("rockstar.yaml"))
}

const greeting = "Hello, World!\n"

func versionBody(n int) string { return fmt.Sprintf("version %d\n", n) }

// versions of the routes: which one has been announced as in effect, and which
// is the newest that may be.
type versions struct{ low, high atomic.Int64 }

func (v *versions) attempt(n int) { v.high.Store(int64(n)) }
func (v *versions) reached(n int) { v.low.Store(int64(n)) }
