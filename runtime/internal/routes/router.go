// Package routes finds the route of a request and answers by it.
//
// [Build] makes a [Router] of what a config says: fixed responses, files, proxies,
// connection counts. A program adds routes of its own with [Router.Handle]. The
// rules are those of http.ServeMux to the letter: a pattern that names one path is
// found by a map lookup, everything else is asked of a real ServeMux.
//
// Two rules are added because routes are access rules, too: a path that has another
// meaning once it is decoded reaches neither a backend nor the file system
// ([Router.Guard]), and a proxy gets paths as the client sent them
// ([Router.PassAsSent]).
package routes

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/nethttp"
)

// Route answers one exchange.
type Route func(x listener.Exchange)

// ServeHTTP makes a Route a member of http.ServeMux, which only ever chooses it.
func (Route) ServeHTTP(http.ResponseWriter, *http.Request) {
	panic("a route is chosen by a ServeMux, never served by it")
}

// Router finds the route of a request by the rules of http.ServeMux. Patterns
// that name one path, the usual case, are found by a map lookup; everything else
// is asked of a real ServeMux, so that its rules hold to the letter.
type Router struct {
	exact map[string][]exactRoute
	mux   *http.ServeMux
	// guarded are the patterns whose routes pass a path on to what may decode it
	// differently: a backend, or the file system.
	guarded map[string]bool
	// asSent are the patterns of routes that get paths as they were sent, see PassAsSent.
	asSent map[string]bool
	// missed answers instead of the ServeMux where no route does; may be nil.
	missed func(x listener.Exchange, h http.Handler)
	// mounts are the patterns of handlers of net/http.
	mounts map[string]bool
}

type exactRoute struct {
	method  string // empty for all
	pattern string
	route   Route
}

// New returns a Router without routes.
func New() *Router {
	return &Router{exact: map[string][]exactRoute{}, mux: http.NewServeMux(), guarded: map[string]bool{}, asSent: map[string]bool{}}
}

// registeredAt is where in the source a pattern was registered, of no use to the
// one who wrote it into a config.
var registeredAt = regexp.MustCompile(` \(registered at [^)]*\)`)

// Handle adds a route. The error says what is wrong with its pattern: it is
// malformed, or in conflict with another one.
func (r *Router) Handle(pattern string, serve Route) (err error) {
	defer func() {
		if p := recover(); p != nil { // how ServeMux reports bad and conflicting patterns
			said := registeredAt.ReplaceAllString(fmt.Sprint(p), "")
			err = fmt.Errorf("route %q: %s", pattern, strings.ReplaceAll(said, "\n", " "))
		}
	}()
	r.mux.Handle(pattern, serve)
	method, host, path := splitPattern(pattern)
	switch {
	case host != "":
		// A host makes its pattern win over any without one, whatever the path.
		r.exact = nil
	case r.exact != nil:
		if path, exact := exactPath(path); exact {
			r.exact[path] = append(r.exact[path], exactRoute{method, pattern, serve})
		}
	}
	return nil
}

// PassAsSent has the route of pattern answer paths that are not clean, and
// "OPTIONS *": a proxy passes them on as they are. Other routes have ServeMux
// redirect the client to the clean path. Either way it is the clean path that
// chooses the route.
func (r *Router) PassAsSent(pattern string) { r.asSent[pattern] = true }

// Guard has requests for the route of pattern refused whose path has another
// meaning once it is decoded: the route hands it to a backend or the file system.
func (r *Router) Guard(pattern string) { r.guarded[pattern] = true }

// OnMissed sets what answers where no route does: not found, method not allowed,
// redirects to the clean path. h is what http.ServeMux would answer with.
func (r *Router) OnMissed(answer func(x listener.Exchange, h http.Handler)) { r.missed = answer }

// exactPath is the one path that a pattern's path names, if it names one.
func exactPath(path string) (string, bool) {
	path, only := strings.CutSuffix(path, "{$}")
	return path, (only || !strings.HasSuffix(path, "/")) && !strings.ContainsAny(path, "{%")
}

// splitPattern takes "[METHOD ][HOST]/[PATH]" apart.
func splitPattern(pattern string) (method, host, path string) {
	if m, rest, found := strings.Cut(pattern, " "); found {
		method, pattern = m, strings.TrimLeft(rest, " \t")
	}
	slash := strings.IndexByte(pattern, '/')
	return method, pattern[:slash], pattern[slash:]
}

// Serve answers x by the route it belongs to.
func (r *Router) Serve(x listener.Exchange) {
	// By the path as it was sent: /a%2Fb is not /a/b.
	if found := r.lookup(x.Method(), x.RawPath()); found != nil {
		found.route(x)
		return
	}
	r.ask(x)
}

// Mount notes that the route of pattern is a handler of net/http; the empty pattern
// stands for what no route answers.
func (r *Router) Mount(pattern string) {
	if r.mounts == nil {
		r.mounts = map[string]bool{}
	}
	r.mounts[pattern] = true
}

// WantsNetHTTP reports which requests belong to a handler of net/http; nil if none
// does.
func (r *Router) WantsNetHTTP() func(x listener.Exchange) bool {
	if len(r.mounts) == 0 {
		return nil
	}
	return func(x listener.Exchange) bool {
		if found := r.lookup(x.Method(), x.RawPath()); found != nil {
			return r.mounts[found.pattern]
		}
		_, pattern := r.mux.Handler(&http.Request{
			Method: x.Method(), Host: x.Host(), URL: &url.URL{Path: x.Path(), RawPath: x.RawPath()},
		})
		return r.mounts[pattern]
	}
}

// lookup finds a route by its exact path. That a path is listed means that no
// wildcard pattern is more specific; that none of its methods fits means nothing.
func (r *Router) lookup(method, path string) *exactRoute {
	var any *exactRoute
	routes := r.exact[path]
	for i := range routes {
		switch e := &routes[i]; e.method {
		case method:
			return e
		case "":
			any = e
		case http.MethodGet:
			if method == http.MethodHead {
				return e
			}
		}
	}
	return any
}

var muxRequests = sync.Pool{New: func() any { return &http.Request{URL: &url.URL{}} }}

// ask lets the ServeMux choose. Where it answers by itself (not found, method
// not allowed, redirects) that answer is passed on.
func (r *Router) ask(x listener.Exchange) {
	req := muxRequests.Get().(*http.Request)
	defer muxRequests.Put(req)
	raw, server := x.RawPath(), x.RequestURI() == "*"
	u := url.URL{Path: x.Path(), RawPath: raw, RawQuery: x.Query()}
	if server {
		u = url.URL{Path: "/"}
	}
	clean := cleanPath(u.EscapedPath())
	tidy := clean == u.EscapedPath()
	if !tidy {
		u.Path, u.RawPath = unescaped(clean), clean
	}
	req.Method, req.Host, *req.URL = x.Method(), x.Host(), u
	h, pattern := r.mux.Handler(req)
	if r.guarded[pattern] && r.disguised(x, raw, pattern) {
		x.SetStatus(http.StatusBadRequest)
		x.WriteString("the path has another meaning once it is decoded\n")
		return
	}
	serve, found := h.(Route)
	switch {
	case found && (tidy && !server || r.asSent[pattern]):
		serve(x)
		return
	case server:
		x.SetStatus(http.StatusOK) // about the server as a whole there is nothing to say
		return
	case !tidy && (found || pattern == ""):
		// ServeMux would encode what is encoded already once more.
		h = http.RedirectHandler(u.String(), http.StatusTemporaryRedirect)
	}
	if r.missed != nil {
		r.missed(x, h)
		return
	}
	nethttp.Record(h, req).Send(x)
}

// disguised reports whether the path of x, which belongs to pattern, has another
// meaning to who decodes it: hidden dot segments ("%2e%2e", "..%2f", "..;x"), or
// slashes ("%2f") that lead to another route. Routes are access rules, too, and
// /p/x/%2e%2e/admin must not pass by that of /p/admin. A backslash counts as a
// slash, as some backends see it. Dot segments that are in plain sight were
// followed when the route was chosen.
func (r *Router) disguised(x listener.Exchange, raw, pattern string) bool {
	if !strings.ContainsAny(raw, `%\;`) {
		return false
	}
	for segment := range strings.SplitSeq(raw, "/") {
		for part := range strings.SplitSeq(strings.ReplaceAll(unescaped(segment), `\`, "/"), "/") {
			if name, _, _ := strings.Cut(part, ";"); (name == "." || name == "..") && name != segment {
				return true
			}
		}
	}
	plain := strings.ReplaceAll(x.Path(), `\`, "/")
	other := &http.Request{Method: x.Method(), Host: x.Host(), URL: &url.URL{Path: plain}}
	_, found := r.mux.Handler(other)
	return found != pattern
}

// cleanPath is the path that ServeMux would redirect to, encoded as p is.
func cleanPath(p string) string {
	if p == "" || p[0] != '/' {
		p = "/" + p
	}
	clean := path.Clean(p)
	if clean != "/" && strings.HasSuffix(p, "/") {
		clean += "/"
	}
	return clean
}

func unescaped(path string) string {
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded
	}
	return path
}
