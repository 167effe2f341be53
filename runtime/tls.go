package runtime

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/config"
)

// material is all that a process needs to serve TLS. The master reads the files
// and sends what is in them: workers need no access, and all of them change to
// another certificate together or not at all.
type material struct {
	Cert []byte `json:"cert"` // PEM
	Key  []byte `json:"key"`
	// Tickets are the keys of session tickets: the first writes them, all read
	// them, in whichever worker a client comes back to.
	Tickets [][32]byte `json:"tickets"`
}

// suites are those of TLS 1.2 that HTTP/2 permits: forward secret, with
// authenticated encryption. Those of TLS 1.3 all are and cannot be chosen.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func (m *material) config() (*tls.Config, error) {
	cert, err := tls.X509KeyPair(m.Cert, m.Key)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, CipherSuites: suites}
	if len(m.Tickets) > 0 {
		c.SetSessionTicketKeys(m.Tickets)
	}
	return c, nil
}

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
	t.TLS, err = s.TLS.config()
	return t, err
}

// checkPair finds out what is wrong with a certificate and its key, in the words
// of whoever wrote the config.
func checkPair(files config.TLS, cert, key []byte) (leaf *x509.Certificate, err error) {
	if block, _ := pem.Decode(cert); block == nil {
		return nil, fmt.Errorf("tls: %s holds no PEM; a certificate is right", files.CertFile)
	}
	if block, _ := pem.Decode(key); block == nil {
		return nil, fmt.Errorf("tls: %s holds no PEM; an unencrypted private key is right", files.KeyFile)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls: %s with %s: %w", files.CertFile, files.KeyFile, err)
	}
	return pair.Leaf, nil
}
