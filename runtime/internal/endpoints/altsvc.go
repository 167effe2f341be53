package endpoints

import (
	"net"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
)

// Announce tells every process with TLS over TCP whether HTTP/3 is served beside
// it.
func (s *Set) Announce() {
	all := s.All()
	for _, l := range all {
		port := l.besides(all)
		for _, e := range l.endpoints() {
			e.Each(func(_ prefork.Status, b *scoreboard.Board) { b.Announce(port) })
		}
	}
}

// besides is the port of a listener that serves HTTP/3 for the same host with
// the same certificate; 0 if there is none.
func (l *Listener) besides(all []*Listener) int {
	own := l.Config()
	if own.TLS == nil || own.Protocol == config.ProtocolQUIC {
		return 0
	}
	for _, o := range all {
		c, at := o.Config(), o.Addr()
		if at == nil || c.Protocol != config.ProtocolQUIC || c.TLS == nil || *c.TLS != *own.TLS || hostOf(c.Address) != hostOf(own.Address) {
			continue
		}
		if at, ok := at.(*net.UDPAddr); ok {
			return at.Port
		}
	}
	return 0
}

// hostOf is the host of an address, "" for all.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip != nil && ip.IsUnspecified() {
		return ""
	}
	return host
}
