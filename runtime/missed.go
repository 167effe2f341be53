package runtime

import (
	"context"
	"net/http"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
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
		ctx.request = r.WithContext(context.WithValue(r.Context(), missedKey{}, h))
		if err := t.missed(ctx); err != nil {
			ctx.failed(err)
		}
		ctx.finish()
	}
}

// answerMissed is the handler within the middleware.
func (t *routeTable) answerMissed(ctx Context) error {
	var answer answerRecorder
	h, ok := ctx.Request().Context().Value(missedKey{}).(http.Handler)
	if !ok { // middleware made another request
		h = http.NotFoundHandler()
	}
	h.ServeHTTP(&answer, ctx.Request())
	if allow := answer.header.Get("Allow"); allow != "" {
		ctx.SetHeader("Allow", allow)
	}
	switch {
	case answer.status == http.StatusNotFound && t.notFound != nil:
		return t.notFound(ctx)
	case answer.status == http.StatusMethodNotAllowed && t.methodNotAllowed != nil:
		return t.methodNotAllowed(ctx)
	}
	for name, values := range answer.header {
		ctx.SetHeader(name, strings.Join(values, ", "))
	}
	if len(answer.body) == 0 {
		return ctx.NoContent(answer.status)
	}
	return ctx.Bytes(answer.status, answer.header.Get("Content-Type"), answer.body)
}

// answerRecorder keeps the answer of one of net/http's own small handlers.
type answerRecorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *answerRecorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *answerRecorder) WriteHeader(status int) { r.status = status }

func (r *answerRecorder) Write(p []byte) (int, error) {
	r.body = append(r.body, p...)
	return len(p), nil
}
