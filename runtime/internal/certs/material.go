package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// Material is all that a process needs to serve TLS. The master reads the files
// and sends what is in them: workers need no access, and all of them change to
// another certificate together or not at all.
type Material struct {
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

// Config of TLS with the certificate: 1.2 or newer.
func (m *Material) Config() (*tls.Config, error) {
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

// check finds out what is wrong with a certificate and its key, in the words
// of whoever wrote the config.
func check(files config.TLS, cert, key []byte) (leaf *x509.Certificate, err error) {
	if block, _ := pem.Decode(cert); block == nil {
		return nil, fmt.Errorf("tls: %s holds no PEM; it should hold a certificate", files.CertFile)
	}
	if block, _ := pem.Decode(key); block == nil {
		return nil, fmt.Errorf("tls: %s holds no PEM; it should hold an unencrypted private key", files.KeyFile)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("tls: %s with %s: %w", files.CertFile, files.KeyFile, err)
	}
	return pair.Leaf, nil
}
