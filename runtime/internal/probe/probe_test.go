package probe_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/probe"
)

func TestCertificatesAreWarnedOfBeforeTheyEnd(t *testing.T) {
	end := time.Date(2026, 3, 20, 12, 0, 0, 0, time.UTC)
	chain := certificate(t, end)
	for name, c := range map[string]struct {
		now  time.Time
		want string
	}{
		"long before":  {end.Add(-14 * 24 * time.Hour), ""},
		"two weeks":    {end.Add(-14*24*time.Hour + time.Second), "the certificate of web expires on 2026-03-20"},
		"the last":     {end, "the certificate of web expires on 2026-03-20"},
		"a second ago": {end.Add(time.Second), "the certificate of web has expired on 2026-03-20"},
	} {
		if got := strings.Join(probe.Certificate("web", chain, c.now), "|"); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	for _, broken := range [][]byte{nil, []byte("nothing"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})} {
		if got := probe.Certificate("web", broken, end); got != nil {
			t.Errorf("%q: got %q, want no warning", broken, got)
		}
	}
}

func certificate(t *testing.T, end time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Only backends that are new or moved are tried.
func TestBackendsThatDoNotAnswerAreWarnedOf(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	up, down := "http://"+ln.Addr().String(), "http://"+closed.Addr().String()
	pools := func(backends map[string]string) *config.Config {
		p := config.Pool{Backends: map[string]config.Backend{}}
		for name, url := range backends {
			p.Backends[name] = config.Backend{URL: url}
		}
		return &config.Config{Pools: map[string]config.Pool{"api": p}}
	}
	got := probe.Backends(t.Context(), pools(map[string]string{"kept": down, "moved": up}),
		pools(map[string]string{"kept": down, "moved": down, "new": down, "well": up}))
	if len(got) != 2 || !slices.IsSorted(got) || !strings.HasPrefix(got[0], "backend moved of pool api does not answer: ") ||
		!strings.HasPrefix(got[1], "backend new of pool api does not answer: ") {
		t.Errorf("got %q, want warnings of moved and new", got)
	}
}

func TestMemoryOfAWorkerIsThatOfThoseWhichRun(t *testing.T) {
	s := &control.Snapshot{Listeners: []control.ListenerInfo{
		{Prefork: true, Workers: []control.WorkerInfo{{MemoryBytes: 10}, {MemoryBytes: 20}, {}}},
		{Workers: []control.WorkerInfo{{MemoryBytes: 1000}}}, // the master
	}}
	if got := probe.WorkerMemory(s); got != 15 {
		t.Errorf("got %d, want the average of 10 and 20", got)
	}
	if got := probe.WorkerMemory(&control.Snapshot{}); got < 1<<20 {
		t.Errorf("without workers got %d, want an estimate", got)
	}
}

func TestRoom(t *testing.T) {
	if warnings, err := probe.Room(control.Needs{}); err != nil || warnings != nil {
		t.Errorf("for nothing: %v, %q", err, warnings)
	}
	warnings, err := probe.Room(control.Needs{MemoryBytes: 1 << 62})
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "MiB are free") {
		t.Errorf("for more memory than there is: %v, %q", err, warnings)
	}
}
