package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/nethttp"
	"github.com/echterhof/rockstar-tui/runtime/internal/routes"
)

// routeTable is what all Routers of an App register into, or those of one server.
type routeTable struct {
	root *Router
	log  *slog.Logger

	mu      sync.Mutex
	known   *routes.Router // to see conflicts at once
	entries []entry
	frozen  bool
	missed  HandlerFunc // wrapped; nil until frozen, or where the ServeMux answers by itself

	// What the program wants to answer itself; nil for the default. Written
	// before the table is frozen.
	notFound, methodNotAllowed HandlerFunc
	onError                    func(ctx Context, err error) error
}

// entry is one route of the program.
type entry struct {
	pattern string
	group   *Router
	handler HandlerFunc // wrapped once the table is frozen
	params  nethttp.Params
	mounted bool // a handler of net/http
}

func newRouteTable(log *slog.Logger) *routeTable {
	t := &routeTable{log: log, known: routes.New()}
	t.root = &Router{table: t}
	return t
}

func (t *routeTable) add(e entry) {
	t.mayChange(fmt.Sprintf("route %q", e.pattern))
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.known.Handle(e.pattern, func(listener.Exchange) {}); err != nil {
		panic("runtime: " + explainConflict(err))
	}
	t.entries = append(t.entries, e)
}

// explainConflict adds what usually helps where two patterns overlap and neither
// is more specific.
func explainConflict(err error) string {
	if strings.Contains(err.Error(), "conflicts with") {
		return err.Error() + "\na path that ends in a slash matches everything below it: " +
			"append {$} to match only that path, or give both routes the same method"
	}
	return err.Error()
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
	if len(t.root.wraps) > 0 || t.notFound != nil || t.methodNotAllowed != nil {
		t.missed = t.root.wrap(t.answerMissed)
	}
}

// addTo adds the routes for requests that come to server.
func (t *routeTable) addTo(r *routes.Router, server *Server) error {
	t.freeze()
	for _, e := range t.entries { // frozen: nobody writes any more
		if err := r.Handle(e.pattern, e.serve(server, t)); err != nil {
			return err
		}
		if e.mounted || e.group.withinNetHTTP() {
			r.Mount(e.pattern)
		}
	}
	if t.root.plain {
		r.Mount("") // what no route answers
	}
	if t.missed != nil {
		r.OnMissed(t.serveMissed(server))
	}
	return nil
}

func (e entry) serve(server *Server, table *routeTable) routes.Route {
	bound := &binding{params: e.params, server: server, table: table, pattern: e.pattern}
	handler := e.handler
	return func(x listener.Exchange) {
		if conversation(x) {
			listener.Converse(x)
		}
		ctx := newContext(x, bound)
		defer ctx.release()
		if err := handler(ctx); err != nil {
			ctx.failed(err)
		}
		ctx.Finish()
	}
}

// conversation reports whether the request is one of gRPC or Connect, whose
// streams may be silent in both directions.
func conversation(x listener.Exchange) bool {
	if x.Proto() == "HTTP/1.1" {
		return false
	}
	kind := x.RequestHeader("Content-Type")
	return strings.HasPrefix(kind, "application/grpc") || strings.HasPrefix(kind, "application/connect+")
}

// binding is what all requests of one route have in common.
type binding struct {
	pattern string
	params  nethttp.Params
	server  *Server
	table   *routeTable
}

type missedKey struct{}

// serveMissed answers what no route takes, within the middleware of the root
// Router. h is what the ServeMux would answer by.
func (t *routeTable) serveMissed(server *Server) func(listener.Exchange, http.Handler) {
	bound := &binding{server: server, table: t, pattern: "none"}
	return func(x listener.Exchange, h http.Handler) {
		ctx := newContext(x, bound)
		defer ctx.release()
		r := ctx.Request()
		ctx.SetRequest(r.WithContext(context.WithValue(r.Context(), missedKey{}, h)))
		if err := t.missed(ctx); err != nil {
			ctx.failed(err)
		}
		ctx.Finish()
	}
}

// answerMissed is the handler within the middleware.
func (t *routeTable) answerMissed(ctx Context) error {
	h, ok := ctx.Request().Context().Value(missedKey{}).(http.Handler)
	if !ok { // middleware made another request
		h = http.NotFoundHandler()
	}
	answer := nethttp.Record(h, ctx.Request())
	if allow := answer.Header.Get("Allow"); allow != "" {
		ctx.SetHeader("Allow", allow)
	}
	switch {
	case answer.Status == http.StatusNotFound && t.notFound != nil:
		return t.notFound(ctx)
	case answer.Status == http.StatusMethodNotAllowed && t.methodNotAllowed != nil:
		return t.methodNotAllowed(ctx)
	}
	for name, values := range answer.Header {
		ctx.SetHeader(name, strings.Join(values, ", "))
	}
	if len(answer.Body) == 0 {
		return ctx.NoContent(answer.Status)
	}
	return ctx.Bytes(answer.Status, answer.Header.Get("Content-Type"), answer.Body)
}
