package listener_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/listener/sockets"
)

// dialQUIC makes a connection without a request.
func dialQUIC(t testing.TB, to net.Addr, within time.Duration, config *quic.Config) (*quic.Conn, error) {
	t.Helper()
	_, client := loopbackTLS()
	client = client.Clone()
	client.NextProtos = []string{http3.NextProtoH3}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	conn, err := quic.DialAddr(ctx, to.String(), client, config)
	if err == nil {
		t.Cleanup(func() { conn.CloseWithError(0, "") })
	}
	return conn, err
}

func TestQUICReachesEveryFamily(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		sockets, err := sockets.OpenPackets(context.Background(), address, sockets.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { sockets.Close() })
		keys := listener.NewQUICKeys()
		for slot := range 2 {
			serveQUIC(t, sockets, slot, keys, keepAlive, hello)
		}
		if sockets.Steering() != "shared" {
			if err := sockets.Steer([]int{0, 1}); err != nil {
				t.Fatal(err)
			}
		}
		_, port, _ := net.SplitHostPort(sockets.Addr().String())
		for _, host := range []string{"127.0.0.1", "::1"} {
			if own, _, _ := net.SplitHostPort(address); own != "" && own != host {
				continue
			}
			for range 4 { // some to each slot
				transport := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
				resp, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get("https://" + net.JoinHostPort(host, port))
				if err != nil {
					t.Fatalf("on %s from %s: %v", address, host, err)
				}
				if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
					t.Errorf("on %s from %s: %q, %v", address, host, body, err)
				}
				resp.Body.Close()
				transport.Close()
			}
		}
	}
}

func TestQUICServesAnotherCertificateAtOnce(t *testing.T) {
	s, sockets := startQUIC(t, keepAlive, hello)
	c := newH3Client(t, sockets.Addr())
	c.must("GET", "/", nil)
	asked := make(chan string, 1)
	config, _ := loopbackTLS()
	s.SetTransport(listener.Transport{TLS: &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
		select {
		case asked <- h.Conn.LocalAddr().Network():
		default:
		}
		return &config.Certificates[0], nil
	}}})
	c.must("GET", "/", nil) // on the connection there is
	if len(asked) != 0 {
		t.Error("an open connection was asked for a certificate")
	}
	newH3Client(t, sockets.Addr()).must("GET", "/", nil)
	if network := <-asked; network != "udp" {
		t.Errorf("asked on %q, want udp", network)
	}
}

func TestQUICConnectionWithoutARequestEnds(t *testing.T) {
	limits := keepAlive
	limits.ReadHeader = 300 * time.Millisecond
	s, sockets := startQUIC(t, limits, hello)
	conn, err := dialQUIC(t, sockets.Addr(), 5*time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-conn.Context().Done():
	case <-time.After(5 * time.Second):
		t.Error("it stays")
	}
	eventually(t, "it is counted", func() bool { n := s.Counters().Load(); return n.TimedOut == 1 && n.Idle == 0 })
}

func TestQUICAcceptRateHoldsBack(t *testing.T) {
	limits := keepAlive
	limits.AcceptRate = 10 // and two at once
	s, sockets := startQUIC(t, limits, hello)
	began := time.Now()
	for range 5 {
		if _, err := dialQUIC(t, sockets.Addr(), 10*time.Second, nil); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("five connections took %s, want 300ms or more", took)
	}
	if n := s.Counters().Load(); n.Refused != 0 {
		t.Errorf("%d were refused, want them to wait", n.Refused)
	}
}

func TestQUICPingsKeepAConnection(t *testing.T) {
	t.Parallel()
	limits := keepAlive
	limits.KeepAlivePeriod = time.Second
	_, sockets := startQUIC(t, limits, hello)
	conn, err := dialQUIC(t, sockets.Addr(), 5*time.Second, &quic.Config{MaxIdleTimeout: 1500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-conn.Context().Done():
		t.Errorf("it ended: %v", context.Cause(conn.Context()))
	case <-time.After(2500 * time.Millisecond):
	}
}
