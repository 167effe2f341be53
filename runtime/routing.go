package runtime

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/internal/nethttp"
)

// HandlerFunc answers a request. An error it returns is logged and answered with
// 500, or with the status of an [*HTTPError]; what it had written by then is
// dropped, unless it has been sent. A panic is answered likewise.
type HandlerFunc func(ctx Context) error

// Middleware wraps a handler. It is called once for each route, before the first
// server starts; what it returns is called for each request.
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

// Router registers the routes of an App, or of one server of it. A path has the
// meaning it has for http.ServeMux: "/users/{id}" takes one segment,
// "/files/{path...}" the rest, "/static/" is everything below. One is different:
// "/" is that path alone, as "/{$}" is for http.ServeMux, and so it is in a group.
// For everything below a path write "/{path...}", or [Router.Mount] a handler.
//
// Routes are registered before the first server that has them starts. A pattern
// that cannot be, one that is in conflict with another, and one that comes too
// late are mistakes of the program: they panic, as with http.ServeMux.
type Router struct {
	table  *routeTable
	parent *Router // nil for the root
	prefix string
	wraps  []Middleware
	plain  bool // some of wraps is middleware of net/http
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
	if path == "/" || path == "" && r.prefix == "" {
		path = "/{$}"
	}
	r.handle(method, path, h)
}

func (r *Router) handle(method, path string, h HandlerFunc) {
	if h == nil {
		panic(fmt.Sprintf("runtime: route %q has no handler", path))
	}
	r.register(method, path, false, h)
}

func (r *Router) register(method, path string, mounted bool, h HandlerFunc) {
	path = r.path(path)
	pattern := path
	if method != "" {
		pattern = method + " " + path
	}
	r.table.add(entry{pattern: pattern, group: r, handler: h, params: nethttp.ParamsOf(path), mounted: mounted})
}

// Mount registers a plain http.Handler. pattern is that of http.ServeMux without
// a host: a path, or method and path. "/" is everything that no other route
// takes, as for http.ServeMux. The handler sees the whole path; use
// http.StripPrefix to take a part away.
func (r *Router) Mount(pattern string, h http.Handler) {
	if h == nil {
		panic(fmt.Sprintf("runtime: route %q has no handler", pattern))
	}
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		method, path = "", pattern
	}
	r.register(method, strings.TrimLeft(path, " \t"), true, func(ctx Context) error {
		return mounted(ctx, h)
	})
}

// Group returns a Router for paths that begin with prefix. Its middleware, given
// as to [Router.Use], runs within that of r.
func (r *Router) Group(prefix string, use ...any) *Router {
	if !strings.HasPrefix(prefix, "/") {
		panic(fmt.Sprintf("runtime: group %q: a prefix begins with a slash", prefix))
	}
	return &Router{table: r.table, parent: r, prefix: r.prefix + strings.TrimSuffix(prefix, "/"), wraps: r.table.middleware(use), plain: ofNetHTTP(use)}
}

// Use wraps every route of r and of its groups, also those registered before.
// Each of use is a [Middleware], or a func(http.Handler) http.Handler as it is
// written for net/http; anything else panics. The first is the outermost.
//
// On the root Router it wraps what no route answers, too: not found, method not
// allowed, and redirects to the clean path.
func (r *Router) Use(use ...any) {
	r.table.mayChange("middleware")
	r.wraps = append(r.wraps, r.table.middleware(use)...)
	r.plain = r.plain || ofNetHTTP(use)
}

// NotFound sets what answers a request that no route takes. The default is 404
// with one line of text. It holds for all Routers that share these routes, and
// the middleware of the root Router wraps it.
func (r *Router) NotFound(h HandlerFunc) {
	r.table.mayChange("NotFound")
	r.table.notFound = h
}

// MethodNotAllowed sets what answers a request whose path is taken by routes for
// other methods only. The header Allow, which names them, is set before h is
// called. The default is 405 with one line of text. It is wrapped, and holds, as
// [Router.NotFound].
func (r *Router) MethodNotAllowed(h HandlerFunc) {
	r.table.mayChange("MethodNotAllowed")
	r.table.methodNotAllowed = h
}

// OnError sets what answers for a handler that returned an error, instead of the
// answer that [HandlerFunc] describes. What the handler had written is dropped,
// unless it has been sent. Where h returns an error itself, that one gets the
// default answer: an h that only looks on returns the error it was given. A panic
// does not come here: it is logged and answered with 500.
func (r *Router) OnError(h func(ctx Context, err error) error) {
	r.table.mayChange("OnError")
	r.table.onError = h
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
