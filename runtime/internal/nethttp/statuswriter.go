package nethttp

import (
	"bufio"
	"net"
	"net/http"
)

// StatusWriter is a ResponseWriter that knows whether something was written, and
// by which status to begin.
type StatusWriter struct {
	http.ResponseWriter
	// Status to begin with, unless the handler gives one; 0 for none.
	Status int
	// Wrote is true as soon as the response has begun.
	Wrote bool
}

// Begin sends the status that was set, if that is still to be done.
func (w *StatusWriter) Begin() {
	if !w.Wrote && w.Status != 0 {
		w.WriteHeader(w.Status)
	}
}

// WriteHeader begins the response, unless status is an informational one.
func (w *StatusWriter) WriteHeader(status int) {
	w.Wrote = w.Wrote || !informational(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *StatusWriter) Write(p []byte) (int, error) {
	w.Begin()
	w.Wrote = true
	return w.ResponseWriter.Write(p)
}

// Flush sends what was written so far.
func (w *StatusWriter) Flush() {
	w.Begin()
	w.Wrote = true
	http.NewResponseController(w.ResponseWriter).Flush() // an engine that cannot sends it later
}

// Hijack gives the connection away, where the protocol can.
func (w *StatusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.Wrote = true
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap is for [http.ResponseController].
func (w *StatusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
