package serving

import (
	"crypto/tls"
	"errors"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/config"
)

// Slots of a QUIC endpoint: the master itself serves one of its own, so that it
// and its workers never read from the same socket while one takes over from the
// other.
const (
	LocalSlot   = 0
	WorkerSlots = 1 // and above
)

// transportOf is what the connections of a listener speak. p may be nil.
func transportOf(s Settings, p Program) (t listener.Transport, err error) {
	var byProgram *tls.Config
	if p != nil {
		byProgram = p.TLS()
	}
	t.HTTP2 = s.Listener.Protocol == "http2"
	switch {
	case s.Listener.ProgramTLS && byProgram == nil:
		return t, errors.New("program_tls: no program provides TLS for this listener: name certificate files instead")
	case s.Listener.ProgramTLS:
		t.TLS = byProgram
		return t, nil
	case s.Listener.TLS == nil:
		return t, nil
	}
	if s.TLS == nil {
		return t, errors.New("tls: the certificate is missing from the settings")
	}
	t.TLS, err = s.TLS.Config()
	return t, err
}

// announcing adds Alt-Svc to the responses of a listener with TLS over TCP.
func (s *Service) announcing(c config.Listener, h listener.Handler) listener.Handler {
	if c.TLS == nil || c.Protocol == config.ProtocolQUIC {
		return h
	}
	return func(x listener.Exchange) {
		value := s.board.AltSvc()
		if value == "" {
			h(x)
			return
		}
		x.SetHeader("Alt-Svc", value)
		h(x)
		if _, whole := listener.FastHTTP(x); whole {
			x.SetHeader("Alt-Svc", value) // a proxied response has replaced all headers
		}
	}
}
