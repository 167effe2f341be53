// Package certs keeps the certificates and the keys of session tickets in use. The
// master reads the files and sends what is in them: workers need no access, and all
// of them change to another certificate together or not at all.
package certs

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control/problems"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

const (
	// LookEvery is how often the files of certificates are looked at. They are
	// compared by content: every way of replacing a file looks the same then.
	LookEvery = time.Second
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

// Store keeps the certificates in use, by their files, and the ticket keys of
// the listeners.
//
// Its lock is held for memory alone: a snapshot needs it. Files are read without
// it, and within bounds.
type Store struct {
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

// New returns an empty store that reads files through f.
func New(f *slowdisk.Files) *Store {
	return &Store{files: f, pairs: map[config.TLS]*pair{}, read: map[config.TLS]pairRead{},
		tickets: map[string][][32]byte{}, rotated: time.Now()}
}

// Load reads the certificates that a config needs and that are not in use. What
// is wrong with them is told by Material.
func (k *Store) Load(ctx context.Context, to *config.Config) error {
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
func (k *Store) unused(to *config.Config) (out []config.TLS) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range to.Listeners {
		if l.Enabled && l.TLS != nil && k.pairs[*l.TLS] == nil && !slices.Contains(out, *l.TLS) {
			out = append(out, *l.TLS)
		}
	}
	return out
}

// Covers reports whether all certificates of a config are in memory, or known to
// be unreadable.
func (k *Store) Covers(to *config.Config) bool {
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

// Material for a listener: the certificate in use, so that other changes do not
// depend on its files, else what Load has read.
func (k *Store) Material(listener string, files config.TLS) (*Material, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := &Material{Tickets: k.ticketsOf(listener)}
	if p := k.pairs[files]; p != nil {
		m.Cert, m.Key = p.cert, p.key
		return m, nil
	}
	r, ok := k.read[files]
	switch {
	case !ok:
		return nil, fmt.Errorf("tls: the certificate %s has only just become needed: try again", files.CertFile)
	case r.err != nil:
		return nil, r.err
	}
	m.Cert, m.Key = r.cert, r.key
	_, err := check(files, m.Cert, m.Key)
	return m, err
}

// ticketsOf needs k.mu.
func (k *Store) ticketsOf(listener string) [][32]byte {
	if k.tickets[listener] == nil {
		k.tickets[listener] = [][32]byte{newTicketKey()}
	}
	return k.tickets[listener]
}

func newTicketKey() (key [32]byte) {
	rand.Read(key[:]) // never fails
	return key
}

func (k *Store) readPair(ctx context.Context, of config.TLS) (r pairRead) {
	read := func(path string) ([]byte, error) {
		return slowdisk.Within(ctx, k.files, path, slowdisk.FileTimeout, func() ([]byte, error) { return slowdisk.Read(path, maxCertFile) })
	}
	if r.cert, r.err = read(of.CertFile); r.err != nil {
		return pairRead{err: fmt.Errorf("tls: cert_file: %w", r.err)}
	}
	if r.key, r.err = read(of.KeyFile); r.err != nil {
		return pairRead{err: fmt.Errorf("tls: key_file: %w", r.err)}
	}
	return r
}

// Used is what a listener serves.
type Used struct {
	Listener string
	Files    config.TLS
	Material *Material
}

// Use keeps what the listeners that are served use, and forgets the rest; but
// with trial also what is to be served again when that is taken back.
func (k *Store) Use(used []Used, trial bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.pairs
	if !trial {
		clear(k.read)
	}
	pairs, listeners := map[config.TLS]*pair{}, map[string]bool{}
	for _, u := range used {
		p := k.pairs[u.Files]
		if p == nil {
			p = newPair(u.Files, u.Material.Cert, u.Material.Key)
		}
		pairs[u.Files], listeners[u.Listener] = p, true
	}
	k.pairs = pairs
	for files, p := range before {
		if trial && pairs[files] == nil {
			k.read[files] = pairRead{cert: p.cert, key: p.key}
		}
	}
	for name := range k.tickets {
		if !listeners[name] {
			delete(k.tickets, name)
		}
	}
}

func newPair(files config.TLS, cert, key []byte) *pair {
	p := &pair{cert: cert, key: key}
	if leaf, err := check(files, cert, key); err == nil {
		p.expires = leaf.NotAfter
	}
	return p
}

// Inherit takes over the ticket keys that workers of a listener have.
func (k *Store) Inherit(listener string, tickets [][32]byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tickets[listener] = tickets
}

// Problem with the files of a listener that serves another certificate than they
// hold; empty if there is none.
func (k *Store) Problem(files *config.TLS) string {
	if files == nil {
		return ""
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.pairs[*files]; p != nil && p.told {
		return ServesOld + p.problem
	}
	return ""
}

// Certificate that is served from the files of a listener, for the list of
// problems; ok is false where there is none.
func (k *Store) Certificate(files *config.TLS) (c problems.Certificate, ok bool) {
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

// ServesOld begins what is said of files that cannot be used.
const ServesOld = "the old certificate stays in use: "

// Renewal is what a look at the files brought.
type Renewal struct {
	// Files of the pair.
	Files config.TLS
	// Message is what to say of it, if that is all.
	Message string

	renewed *pair // to be served instead; nil if it is only about a message
}

// IsRenewed reports whether there is another certificate to be served.
func (r Renewal) IsRenewed() bool { return r.renewed != nil }

// Look compares the files with what is in use.
func (k *Store) Look(ctx context.Context) (found []Renewal) {
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

func (p *pair) look(files config.TLS, read pairRead, now time.Time) (r Renewal, ok bool) {
	cert, key, err := read.cert, read.key, read.err
	if err == nil && bytes.Equal(cert, p.cert) && bytes.Equal(key, p.key) {
		p.refused, p.since, p.told, p.problem = [2][]byte{}, time.Time{}, false, ""
		if !p.warned && p.expires.Sub(now) < expiresSoon {
			p.warned = true
			return Renewal{Files: files, Message: fmt.Sprintf("the certificate %s %s", files.CertFile, ending(p.expires, now))}, true
		}
		return r, false
	}
	if p.told && err == nil && bytes.Equal(cert, p.refused[0]) && bytes.Equal(key, p.refused[1]) {
		return r, false
	}
	if err == nil {
		leaf, bad := check(files, cert, key)
		if err = bad; err == nil {
			return Renewal{Files: files, renewed: &pair{cert: cert, key: key, expires: leaf.NotAfter}}, true
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
	return Renewal{Files: files, Message: ServesOld + p.problem}, true
}

// Renew has a pair served that files hold now, as of the next change; back undoes
// it. It returns nil if it is what is served already.
func (k *Store) Renew(r Renewal) (back func(why error)) {
	files, renewed := r.Files, r.renewed
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
		return fmt.Sprintf("expires in %s, on %s", words.Count(int(left.Hours()/24), "day"), expires.Format("2006-01-02"))
	}
	return "has expired on " + expires.Format("2006-01-02")
}

// Rotate brings new ticket keys where it is time, and says whether it did.
func (k *Store) Rotate(now time.Time) bool {
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
