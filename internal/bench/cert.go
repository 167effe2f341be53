//go:build linux

package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
)

// writeCertificate makes one for 127.0.0.1, which every server uses.
func writeCertificate(certFile, keyFile string) error {
	cert, key, err := selfsigned.Certificate{Hosts: []string{"localhost", "127.0.0.1"}, Expires: time.Now().Add(24 * time.Hour)}.PEM()
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(certFile, cert, 0o644), os.WriteFile(keyFile, key, 0o600),
		os.WriteFile(filepath.Join(filepath.Dir(certFile), "both.pem"), append(cert, key...), 0o600))
}
