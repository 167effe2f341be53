package runtime

import (
	"net"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// announce tells every process with TLS over TCP whether HTTP/3 is served beside
// it.
func (a *App) announce() {
	all := a.sortedListeners()
	for _, m := range all {
		port := m.besides(all)
		for _, e := range m.endpoints() {
			e.each(func(_ prefork.Status, b *scoreboard.Board) { b.Announce(port) })
		}
	}
}

// besides is the port of a listener that serves HTTP/3 for the same host with
// the same certificate; 0 if there is none.
func (m *managed) besides(all []*managed) int {
	own := m.configured()
	if own.TLS == nil || own.Protocol == config.ProtocolQUIC {
		return 0
	}
	for _, o := range all {
		c, e := o.configured(), o.endpoint()
		if e == nil || c.Protocol != config.ProtocolQUIC || c.TLS == nil || *c.TLS != *own.TLS || hostOf(c.Address) != hostOf(own.Address) {
			continue
		}
		if at, ok := e.sockets.Addr().(*net.UDPAddr); ok {
			return at.Port
		}
	}
	return 0
}

func (m *managed) configured() config.Listener {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.config
}

// hostOf is the host of an address, "" for all.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip != nil && ip.IsUnspecified() {
		return ""
	}
	return host
}
