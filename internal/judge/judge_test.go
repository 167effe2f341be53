package judge_test

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// subject is something mounted, and what is asked of it.
type subject struct {
	name string
	// mount registers its handlers below prefix, which is "/" + name.
	mount func(m mounter, prefix string)
	// asks are single requests, by name.
	asks map[string]request
	// talks are whole conversations, by name; each returns what it saw.
	talks map[string]func(t *testing.T, to target) []string
	// only are its protocols; none means all.
	only []protocol
}

// on mounts h for everything below the subject's prefix, which h does not see.
func on(h http.Handler) func(mounter, string) {
	return func(m mounter, prefix string) { m.Mount(prefix+"/", http.StripPrefix(prefix, h)) }
}

func mountAll(m mounter) {
	m.Mount("/again", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "again") }))
	for _, s := range subjects {
		s.mount(m, "/"+s.name)
	}
}

var subjects []subject

// TestMountAnswersAsNetHTTP compares each subject on each protocol. A difference
// fails the test unless it is listed in known, and what is listed there and
// passes fails it too.
func TestMountAnswersAsNetHTTP(t *testing.T) {
	certFile, keyFile, trust := certificate(t)
	want, got := standard(t, certFile, keyFile, mountAll), ours(t, certFile, keyFile, mountAll)
	var found findings
	t.Cleanup(func() { found.write(t) })
	for _, s := range subjects {
		for _, p := range protocols {
			if s.only != nil && !slices.Contains(s.only, p) {
				continue
			}
			reference := target{p, want[p], trust}
			if p == h3 {
				reference.protocol = h2
			}
			for name, talk := range s.everything(p) {
				id := s.name + "/" + name + "/" + string(p)
				t.Run(id, func(t *testing.T) {
					t.Parallel()
					wants := talk(t, reference)
					gets := talk(t, target{p, got[p], trust})
					switch {
					case p == h3:
						wants, gets = asH3(wants), asH3(gets)
					case isReset(wants) && isReset(gets) && (slices.Contains(wants, "status 0") || slices.Contains(gets, "status 0")):
						return // on HTTP/2 a reset may overtake the header in front of it
					}
					found.judge(t, id, p, difference(neutral(gets, got[p]), neutral(wants, want[p])))
				})
			}
		}
	}
}

// everything are the subject's cases on a protocol, by name.
func (s subject) everything(p protocol) map[string]func(*testing.T, target) []string {
	all := map[string]func(*testing.T, target) []string{}
	for name, r := range s.asks {
		if r.Proto != "" && !p.one() {
			continue
		}
		all[name] = func(t *testing.T, to target) []string { return exchange(t, to, r, "/"+s.name+r.Path).lines() }
	}
	for name, talk := range s.talks {
		all[name] = talk
	}
	return all
}

func exchange(t *testing.T, to target, r request, path string) answer {
	t.Helper()
	switch {
	case to.one():
		return exchangeH1(t, to, r, path)
	case to.protocol == h3:
		return exchangeH3(t, to, r, path)
	}
	return exchangeH2(t, to, r, path)
}

// neutral replaces the server's own address, which differs by nature.
func neutral(lines []string, addr string) []string {
	var same []string
	for _, l := range lines {
		same = append(same, strings.ReplaceAll(l, addr, "HOST"))
	}
	return same
}

// asH3 drops what HTTP/2 and HTTP/3 name differently. What was sent before a
// stream is reset may be lost on HTTP/3, so only the end of such a response counts.
func asH3(lines []string) []string {
	if isReset(lines) {
		return []string{"end reset"}
	}
	var same []string
	for _, l := range lines {
		same = append(same, strings.ReplaceAll(l, "HTTP/3.0", "HTTP/2.0"))
	}
	return same
}

// isReset reports whether the stream of a response was reset.
func isReset(lines []string) bool {
	return slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, "end reset ") || strings.HasPrefix(l, "end no response: reset ")
	})
}

// findings are the differences of a run.
type findings struct {
	mu   sync.Mutex
	list []string
}

// judge reports a difference that is not known, and a known one that is gone.
func (f *findings) judge(t *testing.T, id string, p protocol, d []string) {
	t.Helper()
	reason := known[id]
	switch {
	case len(d) > 0:
		f.mu.Lock()
		f.list = append(f.list, id+"\n    "+strings.Join(d, "\n    "))
		f.mu.Unlock()
		if reason == "" {
			t.Errorf("answers differ:\n%s", strings.Join(d, "\n"))
		}
	case reason != "":
		t.Errorf("answers as net/http does: take it off the list of known differences (%s)", reason)
	}
}

// write keeps all differences, known or not, in the file that JUDGE_FINDINGS
// names.
func (f *findings) write(t *testing.T) {
	name := os.Getenv("JUDGE_FINDINGS")
	if name == "" {
		return
	}
	slices.Sort(f.list)
	if err := os.WriteFile(name, []byte(strings.Join(f.list, "\n")+"\n"), 0o644); err != nil {
		t.Error(err)
	}
}
