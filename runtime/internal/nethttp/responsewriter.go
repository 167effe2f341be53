package nethttp

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
)

// ResponseWriter is the response in the words of net/http, an [http.Flusher].
func (e *Exchange) ResponseWriter() http.ResponseWriter {
	if w, _, ok := listener.NetHTTP(e.Raw); ok {
		return w
	}
	if e.writer == nil {
		e.writer = &responseWriter{x: e.Raw, header: http.Header{}, status: e.Raw.Status()}
	}
	return e.writer
}

// responseWriter is the ResponseWriter of a handler on HTTP/1.1. Its response is
// sent when the handler has returned, or as it is written from the first Flush.
type responseWriter struct {
	x      listener.Exchange
	header http.Header
	status int
	wrote  bool
	size   int64                   // declared by the handler, -1 if it was not; valid once wrote is set
	body   int64                   // bytes written
	live   *listener.StreamingBody // nil until the response is on its way
}

func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader sends informational responses at once.
func (w *responseWriter) WriteHeader(status int) {
	switch {
	case w.wrote || status == http.StatusSwitchingProtocols:
	case informational(status):
		listener.Inform(w.x, status, w.header)
	default:
		w.wrote = true
		w.status, w.size = status, announced(w.header)
		w.x.SetStatus(status)
		setHeaders(w.x, w.header)
	}
}

func informational(status int) bool {
	return status >= 100 && status < 200
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		sniff(w.header, p)
		w.WriteHeader(w.status)
	}
	if w.live != nil {
		return w.live.Write(p)
	}
	if w.size >= 0 && w.body+int64(len(p)) > w.size {
		return 0, http.ErrContentLength
	}
	n, err := w.x.Write(p)
	w.body += int64(n)
	return n, err
}

// Flush sends what was written so far, see [http.Flusher].
func (w *responseWriter) Flush() { w.FlushError() }

// FlushError is Flush, and tells whether it went well. A request that was sent
// behind one not answered yet waits for its turn: its response is sent when the
// handler has returned.
func (w *responseWriter) FlushError() error {
	if !w.wrote {
		w.WriteHeader(w.status)
	}
	if w.live == nil {
		w.live = listener.StartStreaming(w.x, announced(w.header))
	}
	if w.live == nil {
		return nil
	}
	return w.live.Flush()
}

// finish sends what the handler set and did not write. It returns false if the
// response is not as long as the handler declared: it must not look whole.
func (w *responseWriter) finish() (whole bool) {
	if !w.wrote && len(w.header) > 0 {
		w.WriteHeader(w.status)
	}
	w.finishTrailers()
	fast, ok := listener.FastHTTP(w.x)
	return !ok || w.live != nil || !w.wrote || w.size < 0 || fast.IsHead() || fast.Response.IsBodyStream() ||
		w.status == http.StatusNoContent || w.status == http.StatusNotModified || int64(len(fast.Response.Body())) == w.size
}

func (w *responseWriter) finishTrailers() {
	if !hasTrailers(w.header) {
		return
	}
	if fast, ok := listener.FastHTTP(w.x); ok && w.live == nil && !fast.Response.IsBodyStream() {
		// Only a body of unknown length has trailers.
		w.x.SetBodyStream(bytes.NewReader(bytes.Clone(fast.Response.Body())), -1)
	}
	setTrailers(w.x, w.header)
}

// announced is the length that a handler set, -1 if it did not.
func announced(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}

// setHeaders announces trailers instead of setting them, where that is needed.
func setHeaders(x listener.Exchange, h http.Header) {
	fast, ok := listener.FastHTTP(x)
	for name, values := range h {
		if ok && (name == "Trailer" || strings.HasPrefix(name, http.TrailerPrefix)) {
			continue
		}
		for i, value := range values {
			if i == 0 {
				x.SetHeader(name, value)
			} else {
				x.AddHeader(name, value)
			}
		}
	}
	if !ok {
		return
	}
	for _, name := range trailers(h) {
		fast.Response.Header.Del(name)
		fast.Response.Header.AddTrailer(name) // what may not be one is left out
	}
}

// trailers are the names of the headers that a handler announced to come after
// the body.
func trailers(h http.Header) (names []string) {
	for _, list := range h["Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

func hasTrailers(h http.Header) bool {
	if len(h["Trailer"]) > 0 {
		return true
	}
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// setTrailers sets them, announced or marked by [http.TrailerPrefix], at the end
// of the body.
func setTrailers(x listener.Exchange, h http.Header) {
	fast, ok := listener.FastHTTP(x)
	if !ok {
		return
	}
	for _, name := range trailers(h) {
		if value := h.Get(name); value != "" {
			fast.Response.Header.Set(name, value)
		}
	}
	for name, values := range h {
		if name, marked := strings.CutPrefix(name, http.TrailerPrefix); marked && len(values) > 0 {
			fast.Response.Header.AddTrailer(name)
			fast.Response.Header.Set(name, values[0])
		}
	}
}

// sniff names the type of a body whose handler does not, as net/http does.
func sniff(h http.Header, body []byte) {
	if _, set := h["Content-Type"]; !set && h.Get("Content-Encoding") == "" {
		h.Set("Content-Type", http.DetectContentType(body))
	}
}
