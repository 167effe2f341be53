package runtime

import (
	"context"
	"net/http"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/runtime/internal/nethttp"
)

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
