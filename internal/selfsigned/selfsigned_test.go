package selfsigned_test

import (
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
)

func TestACertificateIsTrustedForItsHosts(t *testing.T) {
	cert, key, err := selfsigned.Certificate{
		Hosts: []string{"localhost", "127.0.0.1", "::1"}, Expires: time.Now().Add(time.Hour), Serial: big.NewInt(7),
	}.PEM()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	for host, good := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "example.com": false} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); (err == nil) != good {
			t.Errorf("%s: %v, want trusted: %t", host, err, good)
		}
	}
	if pair.Leaf.SerialNumber.Int64() != 7 {
		t.Errorf("serial %d, want 7", pair.Leaf.SerialNumber)
	}
}
