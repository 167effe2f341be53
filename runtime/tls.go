package runtime

import (
	"crypto/tls"
	"errors"

	"github.com/echterhof/rockstar-tui/listener"
)

// transportOf is what the connections of a listener speak. byProgram is the TLS
// that the program has for it, nil if none.
func transportOf(s settings, byProgram *tls.Config) (t listener.Transport, err error) {
	t.HTTP2 = s.Listener.Protocol == "http2"
	switch {
	case s.Listener.ProgramTLS && byProgram == nil:
		return t, errors.New("program_tls: no program has TLS for this listener: name certificate files instead")
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
