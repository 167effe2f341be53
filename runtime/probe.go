package runtime

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
	"github.com/echterhof/rockstar-tui/runtime/internal/plan"
	"github.com/echterhof/rockstar-tui/runtime/internal/procstat"
)

const (
	// probeTimeout bounds how long a plan waits for backends to answer.
	probeTimeout = time.Second
	// expiryWarning is how long before its end a certificate is warned of.
	expiryWarning = 14 * 24 * time.Hour
	// workerMemory is taken for what a worker holds while none runs by which to
	// judge; measured.
	workerMemory = 20 << 20
)

// probe tries for real what could fail when the steps are made, and returns why
// they would. What could only disappoint is returned as warnings.
func (a *App) probe(ctx context.Context, p *control.Plan, steps []step, from, to *config.Config) error {
	for _, s := range steps {
		if err := s.check(ctx); err != nil {
			return err
		}
		if err := s.probeAddress(ctx); err != nil {
			return err
		}
	}
	p.Needs = plan.Needs(p.Listeners)
	if p.Needs.Processes > 0 {
		p.Needs.MemoryBytes = uint64(p.Needs.Processes) * a.memoryPerWorker()
	}
	if err := procstat.RoomForWorkers(p.Needs.Processes); err != nil {
		return err
	}
	p.Warnings = append(a.probeBackends(ctx, from, to), certificateWarnings(steps)...)
	p.Warnings = append(p.Warnings, shortages(p.Needs)...)
	for _, s := range steps {
		p.Warnings = append(p.Warnings, tooManyConnections(s.Name, s.to.Listener)...)
	}
	return nil
}

// probeAddress binds the address of a listener that would open it.
func (s step) probeAddress(ctx context.Context) error {
	if !s.Opens() || s.app.isGiven(s.Name) {
		return nil
	}
	return s.managed.ProbeAddress(ctx, s.to)
}

// probeBackends connects to the backends that are new or moved.
func (a *App) probeBackends(ctx context.Context, from, to *config.Config) []string {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
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
					out = append(out, fmt.Sprintf("backend %s of pool %s does not answer now: %v", name, pool, err))
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

// certificateWarnings tell of certificates that have ended or soon will.
func certificateWarnings(steps []step) (out []string) {
	for _, s := range steps {
		if s.to.TLS == nil || s.Ends() {
			continue
		}
		block, _ := pem.Decode(s.to.TLS.Cert)
		if block == nil {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		switch left := time.Until(cert.NotAfter); {
		case err != nil:
		case left < 0:
			out = append(out, fmt.Sprintf("the certificate of %s has expired on %s", s.Name, cert.NotAfter.Format(time.DateOnly)))
		case left < expiryWarning:
			out = append(out, fmt.Sprintf("the certificate of %s expires on %s", s.Name, cert.NotAfter.Format(time.DateOnly)))
		}
	}
	return out
}

// memoryPerWorker is what the workers that run hold on average.
func (a *App) memoryPerWorker() uint64 {
	var sum, count uint64
	for _, l := range a.snapshot(control.WatchOptions{}).Listeners {
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

// shortages tell what the system may not have enough of.
func shortages(n control.Needs) (out []string) {
	if used, limit := descriptors(os.Getpid()); limit > 0 && used+uint64(n.Descriptors) > limit {
		out = append(out, fmt.Sprintf("the change takes %d descriptors, and %d of at most %d are in use: raise the limit (ulimit -n, LimitNOFILE=)",
			n.Descriptors, used, limit))
	}
	if m, err := mem.VirtualMemory(); err == nil && n.MemoryBytes > m.Available {
		out = append(out, fmt.Sprintf("%s take about %d MiB, and %d MiB are free", words.Count(n.Processes, "new worker"), n.MemoryBytes>>20, m.Available>>20))
	}
	return out
}

// tooManyConnections tells of a bound on connections that a process's descriptors
// do not reach.
func tooManyConnections(name string, l config.Listener) []string {
	_, limit := descriptors(os.Getpid()) // that of a worker is the same
	if limit == 0 || !l.Enabled {
		return nil
	}
	allowed := limit - min(limit, spare.Reserve(limit))
	each := uint64(l.Limits.MaxConnections / max(1, l.Prefork.Workers))
	if each <= allowed {
		return nil
	}
	return []string{fmt.Sprintf("listener %s: a process of it may have %d connections by limits.max_connections, but by its limit of %d descriptors only %d: raise that (ulimit -n, LimitNOFILE=), or clients are turned away earlier",
		name, each, limit, allowed)}
}
