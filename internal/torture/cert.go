//go:build linux

package main

import (
	"crypto/tls"
	"math/big"
	"os"
	"time"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
)

// writeCertificate makes a pair of files for loopback, each in one go: the
// runtime may read them at any moment.
func writeCertificate(certFile, keyFile string, serial int64) error {
	cert, key, err := selfsigned.Certificate{
		Hosts: []string{"localhost", "127.0.0.1", "127.0.0.2"}, Expires: time.Now().Add(24 * time.Hour), Serial: big.NewInt(serial),
	}.PEM()
	if err != nil {
		return err
	}
	if err := replace(keyFile, key); err != nil {
		return err
	}
	return replace(certFile, cert)
}

func replace(file string, text []byte) error {
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// trusting is for clients of a server whose certificate they have seen made.
func trusting(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols, ServerName: "localhost"}
}
