package runtime

import "net/http"

// mounted lets a plain http.Handler answer. Its panics are the engine's: one
// before anything is sent is answered with 500, any other breaks the connection or
// the stream off, and [http.ErrAbortHandler] always does, silently.
func mounted(ctx Context, h http.Handler) error {
	h.ServeHTTP(ctx.ResponseWriter(), ctx.Request())
	return nil
}
