package runtime

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/echterhof/rockstar-tui/listener"
)

// HandlerFunc answers a request. An error it returns is logged and answered with
// 500, or with the status of an [*HTTPError]; what it had written by then is
// dropped, unless it has been sent. A panic is answered likewise.
type HandlerFunc func(ctx Context) error

// Middleware wraps a handler.
type Middleware func(next HandlerFunc) HandlerFunc

// HTTPError is an error that a handler wants its client to see.
type HTTPError struct {
	Status int
	// Message is the one line that the client gets. Empty means the usual text
	// of the status.
	Message string
	// Err is for the log alone. May be nil.
	Err error
}

// Error is status and message, and the cause if there is one.
func (e *HTTPError) Error() string {
	text := fmt.Sprintf("%d %s", e.Status, e.text())
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *HTTPError) Unwrap() error { return e.Err }

func (e *HTTPError) text() string {
	if e.Message != "" {
		return e.Message
	}
	return strings.ToLower(http.StatusText(e.Status))
}

// Router registers the routes of an App. A path has the meaning it has for
// http.ServeMux: "/users/{id}" takes one segment, "/files/{path...}" the rest,
// "/static/" is everything below, "/{$}" is the root alone.
//
// Routes are registered before the first server of the App starts. A pattern
// that cannot be, one that is in conflict with another, and one that comes too
// late are mistakes of the program: they panic, as with http.ServeMux.
type Router struct {
	table  *routeTable
	parent *Router // nil for the root
	prefix string
	wraps  []Middleware
}

// GET registers a handler for GET and HEAD requests.
func (r *Router) GET(path string, h HandlerFunc) { r.Handle(http.MethodGet, path, h) }

// POST registers a handler for POST requests.
func (r *Router) POST(path string, h HandlerFunc) { r.Handle(http.MethodPost, path, h) }

// PUT registers a handler for PUT requests.
func (r *Router) PUT(path string, h HandlerFunc) { r.Handle(http.MethodPut, path, h) }

// PATCH registers a handler for PATCH requests.
func (r *Router) PATCH(path string, h HandlerFunc) { r.Handle(http.MethodPatch, path, h) }

// DELETE registers a handler for DELETE requests.
func (r *Router) DELETE(path string, h HandlerFunc) { r.Handle(http.MethodDelete, path, h) }

// HEAD registers a handler for HEAD requests.
func (r *Router) HEAD(path string, h HandlerFunc) { r.Handle(http.MethodHead, path, h) }

// OPTIONS registers a handler for OPTIONS requests.
func (r *Router) OPTIONS(path string, h HandlerFunc) { r.Handle(http.MethodOptions, path, h) }

// Handle registers a handler for a method, or for all if method is empty.
func (r *Router) Handle(method, path string, h HandlerFunc) {
	if h == nil {
		panic(fmt.Sprintf("runtime: route %q has no handler", path))
	}
	path = r.path(path)
	pattern := path
	if method != "" {
		pattern = method + " " + path
	}
	r.table.add(pattern, path, r, h)
}

// Mount registers a plain http.Handler. pattern is that of http.ServeMux without
// a host: a path, or method and path. The handler sees the whole path; use
// http.StripPrefix to take a part away.
func (r *Router) Mount(pattern string, h http.Handler) {
	if h == nil {
		panic(fmt.Sprintf("runtime: route %q has no handler", pattern))
	}
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	r.Handle(method, strings.TrimLeft(path, " \t"), func(ctx Context) error {
		return mounted(ctx, h)
	})
}

// Group returns a Router for paths that begin with prefix. Its middleware runs
// within that of r.
func (r *Router) Group(prefix string, use ...Middleware) *Router {
	if !strings.HasPrefix(prefix, "/") {
		panic(fmt.Sprintf("runtime: group %q: a prefix begins with a slash", prefix))
	}
	return &Router{table: r.table, parent: r, prefix: r.prefix + strings.TrimSuffix(prefix, "/"), wraps: use}
}

// Use wraps every route of r and of its groups, also those registered before.
// The first middleware is the outermost. What no route answers, it does not see.
func (r *Router) Use(use ...Middleware) {
	r.table.mayChange("middleware")
	r.wraps = append(r.wraps, use...)
}

func (r *Router) path(path string) string {
	if path != "" && path[0] != '/' {
		panic(fmt.Sprintf("runtime: route %q: a path begins with a slash", path))
	}
	if path == "" && r.prefix == "" {
		path = "/"
	}
	if strings.Contains(path, "/:") {
		panic(fmt.Sprintf("runtime: route %q: write a parameter as {name}, not :name", path))
	}
	return r.prefix + path
}

// wrap applies the middleware of r and of those around it.
func (r *Router) wrap(h HandlerFunc) HandlerFunc {
	for ; r != nil; r = r.parent {
		for i := len(r.wraps) - 1; i >= 0; i-- {
			h = r.wraps[i](h)
		}
	}
	return h
}

// routeTable is what all Routers of an App register into.
type routeTable struct {
	root *Router
	log  *slog.Logger

	mu      sync.Mutex
	known   *router // to see conflicts at once
	entries []entry
	frozen  bool
}

// entry is one route of the program.
type entry struct {
	pattern string
	group   *Router
	handler HandlerFunc // wrapped once the table is frozen
	params  []param
}

func newRouteTable(log *slog.Logger) *routeTable {
	t := &routeTable{log: log, known: newRouter()}
	t.root = &Router{table: t}
	return t
}

func (t *routeTable) add(pattern, path string, group *Router, h HandlerFunc) {
	t.mayChange(fmt.Sprintf("route %q", pattern))
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.known.handle(pattern, func(listener.Exchange) {}); err != nil {
		panic("runtime: " + err.Error())
	}
	t.entries = append(t.entries, entry{pattern: pattern, group: group, handler: h, params: paramsOf(path)})
}

func (t *routeTable) mayChange(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.frozen {
		panic("runtime: " + what + " comes after a server was started: register it before")
	}
}

// freeze wraps the handlers, once: middleware may hold state.
func (t *routeTable) freeze() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.frozen {
		return
	}
	t.frozen = true
	for i, e := range t.entries {
		t.entries[i].handler = e.group.wrap(e.handler)
	}
}

// addTo adds the routes for requests that come to server.
func (t *routeTable) addTo(r *router, server *Server) error {
	t.freeze()
	for _, e := range t.entries { // frozen: nobody writes any more
		if err := r.handle(e.pattern, e.serve(server, t.log)); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) serve(server *Server, log *slog.Logger) route {
	bound := &binding{params: e.params, server: server, log: log, pattern: e.pattern}
	handler := e.handler
	return func(x listener.Exchange) {
		ctx := newContext(x, bound)
		defer ctx.release()
		if err := handler(ctx); err != nil {
			ctx.fail(err)
		}
	}
}

// binding is what all requests of one route have in common.
type binding struct {
	pattern string
	params  []param
	server  *Server
	log     *slog.Logger
}

// param is a wildcard of a path.
type param struct {
	name    string
	segment int  // its place, counted in slashes
	rest    bool // takes all that follows
}

func paramsOf(path string) (params []param) {
	for i, segment := range strings.Split(path, "/") {
		name, ok := strings.CutPrefix(segment, "{")
		if !ok || segment == "{$}" {
			continue
		}
		name, rest := strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
		params = append(params, param{name: name, segment: i, rest: rest})
	}
	return params
}

// value is what the parameter stands for in a path as it was sent. That the path
// fits the pattern, the router has seen.
func (p param) value(raw string) string {
	for range p.segment {
		_, raw, _ = strings.Cut(raw, "/")
	}
	if !p.rest {
		raw, _, _ = strings.Cut(raw, "/")
	}
	if value, err := url.PathUnescape(raw); err == nil {
		return strings.Clone(value)
	}
	return strings.Clone(raw)
}
