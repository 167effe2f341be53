//go:build unix

package examples_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/internal/selfsigned"
)

// pair writes a self-signed certificate for 127.0.0.1.
func pair(t *testing.T) (certFile, keyFile string, trust *tls.Config) {
	t.Helper()
	cert, key, err := selfsigned.Certificate{Hosts: []string{"127.0.0.1"}, Expires: time.Now().Add(time.Hour)}.PEM()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(certFile, cert, 0o600), os.WriteFile(keyFile, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	return certFile, keyFile, &tls.Config{RootCAs: pool}
}

// addrOf is where a server of that name serves, as the log says.
func (r *running) addrOf(t *testing.T, name string) (addr string) {
	t.Helper()
	eventually(t, name+" serves", func() bool {
		for _, line := range strings.Split(r.log.String(), "\n") {
			_, rest, found := strings.Cut(line, "serving on ")
			if found && strings.HasSuffix(line, "listener="+name) {
				addr, _, _ = strings.Cut(rest, " ")
				return true
			}
		}
		return false
	}, r.log)
	return addr
}

func TestProtocolsAreServedByTheirOwnWorkers(t *testing.T) {
	cert, key, trust := pair(t)
	r := start(t, "protocols", "-tls", "127.0.0.1:0", "-quic", "127.0.0.1:0", "-cert", cert, "-key", key, "-workers", "2")
	h3 := &http3.Transport{TLSClientConfig: trust.Clone()}
	defer h3.Close()
	h2 := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}
	defer h2.CloseIdleConnections()
	seen := map[string]string{} // who answered, by pid
	for _, c := range []struct {
		name, scheme, proto string
		transport           http.RoundTripper
	}{
		{"plain", "http", "HTTP/1.1", &http.Transport{}},
		{"secure", "https", "HTTP/2.0", h2},
		{"quic", "https", "HTTP/3.0", h3},
	} {
		client := &http.Client{Transport: c.transport, Timeout: 10 * time.Second}
		resp, err := client.Get(c.scheme + "://" + r.addrOf(t, c.name))
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, r.log)
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		pid, found := strings.CutPrefix(string(body), c.name+" "+c.proto+" ")
		if !found {
			t.Errorf("%s answered %q", c.name, body)
		}
		if pid == fmt.Sprint(r.cmd.Process.Pid) {
			t.Errorf("%s was answered by the master", c.name)
		}
		if other, twice := seen[pid]; twice {
			t.Errorf("%s and %s were answered by one process", c.name, other)
		}
		seen[pid] = c.name
	}
}
