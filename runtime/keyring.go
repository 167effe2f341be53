package runtime

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
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
//
// Its lock is held for memory alone: a snapshot needs it. Files are read without
// it, and within bounds.
type keyring struct {
	files *slowdisk.Files

	mu      sync.Mutex
	pairs   map[config.TLS]*pair
	read    map[config.TLS]pairRead // for a change to come, and for one on trial to be taken back
	tickets map[string][][32]byte   // by listener
	rotated time.Time
}

// pairRead is what two files hold, or why they could not be read.
type pairRead struct {
	cert, key []byte
	err       error
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

func newKeyring(f *slowdisk.Files) *keyring {
	return &keyring{files: f, pairs: map[config.TLS]*pair{}, read: map[config.TLS]pairRead{},
		tickets: map[string][][32]byte{}, rotated: time.Now()}
}

// load reads the certificates that a config needs and that are not in use. What
// is wrong with them is told by material.
func (k *keyring) load(ctx context.Context, to *config.Config) error {
	for _, files := range k.unused(to) {
		r := k.readPair(ctx, files)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.mu.Lock()
		if was, ok := k.read[files]; !ok || was.err != nil || r.err == nil || !slowdisk.IsLate(r.err) {
			k.read[files] = r // else what it held when it was last in use does
		}
		k.mu.Unlock()
	}
	return nil
}

// unused are the certificates of a config that no listener serves now.
func (k *keyring) unused(to *config.Config) (out []config.TLS) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range to.Listeners {
		if l.Enabled && l.TLS != nil && k.pairs[*l.TLS] == nil && !slices.Contains(out, *l.TLS) {
			out = append(out, *l.TLS)
		}
	}
	return out
}

// covers reports whether all certificates of a config are in memory, or known to
// be unreadable.
func (k *keyring) covers(to *config.Config) bool {
	if to == nil {
		return true
	}
	missing := k.unused(to)
	k.mu.Lock()
	defer k.mu.Unlock()
	return !slices.ContainsFunc(missing, func(files config.TLS) bool {
		_, ok := k.read[files]
		return !ok
	})
}

// material for a listener: the certificate in use, so that other changes do not
// depend on its files, else what load has read.
func (k *keyring) material(listener string, files config.TLS) (*material, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := &material{Tickets: k.ticketsOf(listener)}
	if p := k.pairs[files]; p != nil {
		m.Cert, m.Key = p.cert, p.key
		return m, nil
	}
	r, ok := k.read[files]
	switch {
	case !ok:
		return nil, fmt.Errorf("tls: the certificate %s is needed since a moment ago: try again", files.CertFile)
	case r.err != nil:
		return nil, r.err
	}
	m.Cert, m.Key = r.cert, r.key
	_, err := checkPair(files, m.Cert, m.Key)
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

func (k *keyring) readPair(ctx context.Context, of config.TLS) (r pairRead) {
	read := func(path string) ([]byte, error) {
		return slowdisk.Within(ctx, k.files, path, slowdisk.FileTimeout, func() ([]byte, error) { return readBounded(path, maxCertFile) })
	}
	if r.cert, r.err = read(of.CertFile); r.err != nil {
		return pairRead{err: fmt.Errorf("tls: cert_file: %w", r.err)}
	}
	if r.key, r.err = read(of.KeyFile); r.err != nil {
		return pairRead{err: fmt.Errorf("tls: key_file: %w", r.err)}
	}
	return r
}

func readBounded(path string, limit int64) ([]byte, error) {
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
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, err
}

// adopt keeps what the listeners that are served use, and forgets the rest; but
// with trial also what is to be served again when that is taken back.
func (k *keyring) adopt(used map[string]settings, trial bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.pairs
	if !trial {
		clear(k.read)
	}
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
	for files, p := range before {
		if trial && pairs[files] == nil {
			k.read[files] = pairRead{cert: p.cert, key: p.key}
		}
	}
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
		return servesOld + p.problem
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

// servesOld begins what is said of files that cannot be used.
const servesOld = "the old certificate keeps being served: "

// renewal is what a look at the files brought.
type renewal struct {
	files   config.TLS
	renewed *pair // to be served instead; nil if it is only about a message
	message string
}

// look compares the files with what is in use.
func (k *keyring) look(ctx context.Context) (found []renewal) {
	k.mu.Lock()
	var all []config.TLS
	for files := range k.pairs {
		all = append(all, files)
	}
	k.mu.Unlock()
	for _, files := range all {
		read := k.readPair(ctx, files)
		if ctx.Err() != nil {
			return nil
		}
		k.mu.Lock()
		if p := k.pairs[files]; p != nil {
			if r, ok := p.look(files, read, time.Now()); ok {
				found = append(found, r)
			}
		}
		k.mu.Unlock()
	}
	return found
}

func (p *pair) look(files config.TLS, read pairRead, now time.Time) (r renewal, ok bool) {
	cert, key, err := read.cert, read.key, read.err
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
			return renewal{files: files, renewed: &pair{cert: cert, key: key, expires: leaf.NotAfter}}, true
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
	return renewal{files: files, message: servesOld + p.problem}, true
}

// use has a pair served that files hold now, as of the next change; back undoes
// it. It returns nil if it is what is served already.
func (k *keyring) use(files config.TLS, renewed *pair) (back func(why error)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.pairs[files]
	if before == nil || bytes.Equal(before.cert, renewed.cert) && bytes.Equal(before.key, renewed.key) {
		return nil
	}
	k.pairs[files] = renewed
	return func(why error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.pairs[files] = before
		if why != nil {
			before.refused, before.since, before.told = [2][]byte{renewed.cert, renewed.key}, time.Now(), true
			before.problem = why.Error()
		}
	}
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
			if err := a.reapply(ctx); err != nil && ctx.Err() == nil {
				a.events.Errorf("", "new keys for session tickets: %v", err)
			}
		}
		_ = a.renewAll(ctx) // what has not had its turn is found again
	}
}

// renewAll brings into service what the files of certificates hold now.
func (a *App) renewAll(ctx context.Context) error {
	for _, r := range a.keys.look(ctx) {
		if r.renewed == nil {
			a.events.Warnf("", "%s: %s", a.usersOf(r.files), r.message)
			continue
		}
		if err := a.renew(ctx, r); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// renew has a renewed certificate served. An error means that its turn has not
// come: the next look at the files finds it again.
func (a *App) renew(ctx context.Context, r renewal) error {
	ctx, unlock, err := a.lock(ctx, turn{yields: true})
	if err != nil {
		return err
	}
	defer unlock()
	back := a.keys.use(r.files, r.renewed)
	if back == nil {
		return nil
	}
	users := a.usersOf(r.files)
	if _, err = a.apply(ctx, a.config); err == nil {
		a.events.Infof("", "%s: a new certificate is served from %s; open connections keep the old one", users, r.files.CertFile)
		return nil
	}
	if ctx.Err() != nil {
		back(nil)
		return context.Cause(ctx)
	}
	back(err)
	a.events.Errorf("", "%s: %s%v", users, servesOld, err)
	return nil
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
	ctx, unlock, err := a.lock(ctx, turn{})
	if err != nil {
		return err
	}
	defer unlock()
	_, err = a.apply(ctx, a.config)
	return err
}
