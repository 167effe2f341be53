package runtime

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
)

const (
	// certEvery is how often the files of certificates are looked at. They are
	// compared by content: every way of replacing a file looks the same then.
	certEvery = time.Second
	// certPatience is how long two files may disagree: they are never replaced
	// at the same moment.
	certPatience = 3 * time.Second
	// ticketEvery is how often there is a new key for session tickets. The one
	// before is kept, so that a session can be resumed for a day at least.
	ticketEvery = 24 * time.Hour
	// expiresSoon is when the end of a certificate is worth a warning.
	expiresSoon = problems.ExpiresSoon
	// maxCertFile bounds what is read of a file.
	maxCertFile = 1 << 20
)

// keyring keeps the certificates in use, by their files, and the ticket keys of
// the listeners.
type keyring struct {
	mu      sync.Mutex
	pairs   map[config.TLS]*pair
	tickets map[string][][32]byte // by listener
	rotated time.Time
}

// pair is a certificate in use and its key.
type pair struct {
	cert, key []byte
	expires   time.Time
	warned    bool // of its end
	// refused is what the files hold that cannot be used, since when, and why.
	refused [2][]byte
	since   time.Time
	problem string
	told    bool
}

func newKeyring() *keyring {
	return &keyring{pairs: map[config.TLS]*pair{}, tickets: map[string][][32]byte{}, rotated: time.Now()}
}

// material for a listener: from memory if the certificate is in use, so that
// other changes do not depend on its files, else from the files.
func (k *keyring) material(listener string, files config.TLS) (*material, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := &material{Tickets: k.ticketsOf(listener)}
	if p := k.pairs[files]; p != nil {
		m.Cert, m.Key = p.cert, p.key
		return m, nil
	}
	var err error
	if m.Cert, m.Key, err = readPair(files); err != nil {
		return nil, err
	}
	_, err = checkPair(files, m.Cert, m.Key)
	return m, err
}

// ticketsOf needs k.mu.
func (k *keyring) ticketsOf(listener string) [][32]byte {
	if k.tickets[listener] == nil {
		k.tickets[listener] = [][32]byte{newTicketKey()}
	}
	return k.tickets[listener]
}

func newTicketKey() (key [32]byte) {
	rand.Read(key[:]) // never fails
	return key
}

func readPair(files config.TLS) (cert, key []byte, err error) {
	if cert, err = readBounded(files.CertFile); err != nil {
		return nil, nil, fmt.Errorf("tls: cert_file: %w", err)
	}
	if key, err = readBounded(files.KeyFile); err != nil {
		return nil, nil, fmt.Errorf("tls: key_file: %w", err)
	}
	return cert, key, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxCertFile+1))
	if err == nil && len(data) > maxCertFile {
		err = fmt.Errorf("%s has more than %d bytes", path, maxCertFile)
	}
	return data, err
}

// adopt keeps what the listeners that are served use, and forgets the rest.
func (k *keyring) adopt(used map[string]settings) {
	k.mu.Lock()
	defer k.mu.Unlock()
	pairs := map[config.TLS]*pair{}
	for _, s := range used {
		if s.TLS == nil {
			continue
		}
		files := *s.Listener.TLS
		p := k.pairs[files]
		if p == nil {
			p = &pair{cert: s.TLS.Cert, key: s.TLS.Key}
			if leaf, err := checkPair(files, p.cert, p.key); err == nil {
				p.expires = leaf.NotAfter
			}
		}
		pairs[files] = p
	}
	k.pairs = pairs
	for name := range k.tickets {
		if used[name].TLS == nil {
			delete(k.tickets, name)
		}
	}
}

// problem with the files of a listener that serves another certificate than they
// hold; empty if there is none.
func (k *keyring) problem(files *config.TLS) string {
	if files == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.pairs[*files]; p != nil && p.told {
		return p.problem
	}
	return ""
}

// certificate that is served from the files of a listener, for the list of
// problems; ok is false where there is none.
func (k *keyring) certificate(files *config.TLS) (c problems.Certificate, ok bool) {
	if files == nil {
		return c, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pairs[*files]
	if p == nil {
		return c, false
	}
	c = problems.Certificate{File: files.CertFile, Expires: p.expires}
	if p.told {
		c.Refused, c.Since = p.problem, p.since
	}
	return c, true
}

// renewal is what a look at the files brought.
type renewal struct {
	files   config.TLS
	changed bool // another certificate is to be served
	message string
	back    func() // undoes it
}

// look compares the files with what is in use.
func (k *keyring) look() (found []renewal) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for files, p := range k.pairs {
		if r, ok := p.look(files, time.Now()); ok {
			found = append(found, r)
		}
	}
	return found
}

func (p *pair) look(files config.TLS, now time.Time) (r renewal, ok bool) {
	cert, key, err := readPair(files)
	if err == nil && bytes.Equal(cert, p.cert) && bytes.Equal(key, p.key) {
		p.refused, p.since, p.told, p.problem = [2][]byte{}, time.Time{}, false, ""
		if !p.warned && p.expires.Sub(now) < expiresSoon {
			p.warned = true
			return renewal{files: files, message: fmt.Sprintf("the certificate %s %s", files.CertFile, ending(p.expires, now))}, true
		}
		return r, false
	}
	if p.told && err == nil && bytes.Equal(cert, p.refused[0]) && bytes.Equal(key, p.refused[1]) {
		return r, false
	}
	if err == nil {
		leaf, bad := checkPair(files, cert, key)
		if err = bad; err == nil {
			before := *p
			*p = pair{cert: cert, key: key, expires: leaf.NotAfter}
			return renewal{files: files, changed: true, back: func() {
				*p = before
				p.refused, p.since, p.told = [2][]byte{cert, key}, now, true
			}}, true
		}
	}
	content := [2][]byte{cert, key}
	if p.since.IsZero() || err.Error() != p.problem || !bytes.Equal(content[0], p.refused[0]) || !bytes.Equal(content[1], p.refused[1]) {
		p.refused, p.since, p.problem, p.told = content, now, err.Error(), false
	}
	if p.told || now.Sub(p.since) < certPatience {
		return r, false
	}
	p.told = true
	p.problem = "the old certificate keeps being served: " + p.problem
	return renewal{files: files, message: p.problem}, true
}

func ending(expires, now time.Time) string {
	if left := expires.Sub(now); left > 0 {
		return fmt.Sprintf("expires in %s, on %s", plural(int(left.Hours()/24), "day"), expires.Format("2006-01-02"))
	}
	return "has expired on " + expires.Format("2006-01-02")
}

// rotate brings new ticket keys where it is time, and says whether it did.
func (k *keyring) rotate(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.rotated) < ticketEvery {
		return false
	}
	k.rotated = now
	for name, keys := range k.tickets {
		k.tickets[name] = [][32]byte{newTicketKey(), keys[0]}
	}
	return len(k.tickets) > 0
}

// watchCerts brings changed certificates into service.
func (a *App) watchCerts(ctx context.Context) {
	tick := time.NewTicker(certEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if a.keys.rotate(time.Now()) {
			if err := a.reapply(ctx); err != nil {
				a.events.errorf("", "new keys for session tickets: %v", err)
			}
		}
		a.renewAll(ctx)
	}
}

// renewAll brings into service what the files of certificates hold now.
func (a *App) renewAll(ctx context.Context) {
	for _, r := range a.keys.look() {
		a.renew(ctx, r)
	}
}

func (a *App) renew(ctx context.Context, r renewal) {
	users := a.usersOf(r.files)
	if !r.changed {
		a.events.warnf("", "%s: %s", users, r.message)
		return
	}
	if err := a.reapply(ctx); err != nil {
		a.keys.mu.Lock()
		r.back()
		a.keys.pairs[r.files].problem = "the old certificate keeps being served: " + err.Error()
		a.keys.mu.Unlock()
		a.events.errorf("", "%s: the old certificate keeps being served: %v", users, err)
		return
	}
	a.events.infof("", "%s: a new certificate is served from %s; open connections keep the old one", users, r.files.CertFile)
}

// usersOf names the listeners that serve a pair, as a part of a message.
func (a *App) usersOf(files config.TLS) string {
	a.mu.RLock()
	defer a.mu.RUnlock()
	var names []string
	for _, name := range sortedKeys(a.config.Listeners) {
		if c := a.config.Listeners[name]; c.Enabled && c.TLS != nil && *c.TLS == files {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// reapply brings what runs up to date with what is not in the config.
func (a *App) reapply(ctx context.Context) error {
	unlock, err := a.lockChange(ctx)
	if err != nil {
		return nil // shut down
	}
	defer unlock()
	_, err = a.apply(ctx, a.config)
	return err
}
