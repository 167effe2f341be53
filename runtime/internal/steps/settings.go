package steps

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// Placing finds a backend's cell on the scoreboard, by "pool/backend":
// [scoreboard.Cells.Place] for what will be served, [scoreboard.Cells.Peek] for a plan.
type Placing func(backend string) (int, error)

// Settings are what a process needs to know to serve a listener by a config, whose
// certificates are loaded.
func (m *Maker) Settings(cfg *config.Config, name string, place Placing) (serving.Settings, error) {
	l := cfg.Listeners[name]
	s := serving.Settings{
		Name: name, Listener: l,
		Pools: map[string]config.Pool{}, Cells: map[string]int{}, Board: scoreboard.Layout, BoardFormat: scoreboard.Format,
	}
	if l.TLS != nil && l.Enabled {
		var err error
		if s.TLS, err = m.Certificates.Material(name, *l.TLS); err != nil {
			return serving.Settings{}, fmt.Errorf("listener %s: %w", name, err)
		}
	}
	for _, route := range l.Routes {
		if route.Proxy == nil {
			continue
		}
		p := cfg.Pools[route.Proxy.Pool]
		s.Pools[route.Proxy.Pool] = p
		for backend := range p.Backends {
			cell, err := place(route.Proxy.Pool + "/" + backend)
			if err != nil {
				return serving.Settings{}, err
			}
			s.Cells[route.Proxy.Pool+"/"+backend] = cell
		}
	}
	return s, nil
}

// UseCertificates has the store keep what the listeners serve; keep is for what was
// served before, too, as long as a trial may take it back.
func (m *Maker) UseCertificates(keep bool) {
	var used []certs.Used
	for name, s := range m.Endpoints.Served() {
		if s.TLS != nil {
			used = append(used, certs.Used{Listener: name, Files: *s.Listener.TLS, Material: s.TLS})
		}
	}
	m.Certificates.Use(used, keep)
}
