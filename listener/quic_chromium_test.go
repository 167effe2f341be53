package listener_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// A browser is a client of another make. It tells by which protocol it got the
// page.
func TestQUICIsSpokenByChromium(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("chromium is not installed")
	}
	const page = `<!doctype html><title>h3</title><body><script>
document.body.textContent = 'protocol=' + performance.getEntriesByType('navigation')[0].nextHopProtocol
</script>`
	s, sockets := startQUIC(t, keepAlive, func(x listener.Exchange) {
		x.SetHeader("Content-Type", "text/html")
		x.WriteString(page)
	})
	server, _ := loopbackTLS()
	cert, err := x509.ParseCertificate(server.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	at := sockets.Addr().String()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(profile)
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+profile,
		"--enable-quic", "--origin-to-force-quic-on="+at,
		"--ignore-certificate-errors-spki-list="+base64.StdEncoding.EncodeToString(hash[:]),
		"--virtual-time-budget=3000", "--dump-dom", "https://"+at+"/")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "protocol=h3") {
		t.Errorf("%v: %s; want protocol=h3", err, out)
	}
	if n := s.Counters().Load(); n.Requests == 0 {
		t.Error("no request was counted")
	}
}
