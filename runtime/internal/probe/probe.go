// Package probe tries what could make a change fail or be regretted, and touches
// nothing that runs: it connects to backends and closes the connection again, reads
// certificates that are loaded already, and compares what a change needs with what
// the system has left.
//
// Its functions know neither the app nor each other. What each finds is a line
// for a person: a reason to refuse the change is an error, everything else is a
// warning of the plan.
package probe

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/shirou/gopsutil/v3/mem"

	"github.com/echterhof/rockstar-tui/internal/spare"
	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
)

const (
	// answerTimeout bounds how long backends are waited for, all together.
	answerTimeout = time.Second
	// expiryWarning is how long before its end a certificate is warned of.
	expiryWarning = 14 * 24 * time.Hour
	// workerMemory is taken for what a worker holds while none runs by which to
	// judge; measured.
	workerMemory = 20 << 20
)

// Backends connects to the backends that are new in to or have moved, and warns
// of those that do not answer within a second.
func Backends(ctx context.Context, from, to *config.Config) []string {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var out []string
	for pool, p := range to.Pools {
		for name, b := range p.Backends {
			if from.Pools[pool].Backends[name].URL == b.URL {
				continue
			}
			wg.Go(func() {
				if err := reach(ctx, b.URL); err != nil {
					mu.Lock()
					defer mu.Unlock()
					out = append(out, fmt.Sprintf("backend %s of pool %s does not answer: %v", name, pool, err))
				}
			})
		}
	}
	wg.Wait()
	slices.Sort(out)
	return out
}

// reach opens a connection to where a URL leads, and closes it.
func reach(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "80")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	return conn.Close()
}

// Certificate warns of a certificate, in PEM, that has ended or will within two
// weeks. One that cannot be read is refused elsewhere.
func Certificate(listener string, chain []byte, now time.Time) []string {
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	day := cert.NotAfter.Format(time.DateOnly)
	switch left := cert.NotAfter.Sub(now); {
	case left < 0:
		return []string{fmt.Sprintf("the certificate of %s has expired on %s", listener, day)}
	case left < expiryWarning:
		return []string{fmt.Sprintf("the certificate of %s expires on %s", listener, day)}
	}
	return nil
}

// Connections warns of a bound on connections that a process of the listener does
// not reach, for its limit of descriptors.
func Connections(listener string, l config.Listener) []string {
	_, limit := procstat.Descriptors(os.Getpid()) // that of a worker is the same
	if limit == 0 || !l.Enabled {
		return nil
	}
	allowed := limit - min(limit, spare.Reserve(limit))
	each := uint64(l.Limits.MaxConnections / max(1, l.Prefork.Workers))
	if each <= allowed {
		return nil
	}
	return []string{fmt.Sprintf("listener %s: limits.max_connections allows each process %d connections, but its limit of %d descriptors only %d: raise that limit (ulimit -n, LimitNOFILE=), or clients are refused earlier",
		listener, each, limit, allowed)}
}

// WorkerMemory is what the workers of a state hold on average, in bytes; an
// estimate if there are none.
func WorkerMemory(s *control.Snapshot) uint64 {
	var sum, count uint64
	for _, l := range s.Listeners {
		for _, w := range l.Workers {
			if l.Prefork && w.MemoryBytes > 0 {
				sum, count = sum+w.MemoryBytes, count+1
			}
		}
	}
	if count == 0 {
		return workerMemory
	}
	return sum / count
}

// Room compares what a change needs with what the system has left: it is an error
// if this process would not survive the change, and a warning if something may run
// short.
func Room(n control.Needs) (warnings []string, err error) {
	if err := procstat.RoomForWorkers(n.Processes); err != nil {
		return nil, err
	}
	if used, limit := procstat.Descriptors(os.Getpid()); limit > 0 && used+uint64(n.Descriptors) > limit {
		warnings = append(warnings, fmt.Sprintf("the change needs %d descriptors, and %d of at most %d are in use: raise the limit (ulimit -n, LimitNOFILE=)",
			n.Descriptors, used, limit))
	}
	if m, err := mem.VirtualMemory(); err == nil && n.MemoryBytes > m.Available {
		warnings = append(warnings, fmt.Sprintf("%s need about %d MiB, and %d MiB are free",
			words.Count(n.Processes, "new worker"), n.MemoryBytes>>20, m.Available>>20))
	}
	return warnings, nil
}
