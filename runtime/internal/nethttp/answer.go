package nethttp

import (
	"net/http"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
)

// Answer is what one of net/http's own small handlers answers: not found, method
// not allowed, a redirect.
type Answer struct {
	Status int
	Header http.Header // nil if the handler set none
	Body   []byte
}

// Record lets h answer r.
func Record(h http.Handler, r *http.Request) Answer {
	w := recorder{Answer{Status: http.StatusOK}}
	h.ServeHTTP(&w, r)
	return w.answer
}

// Send answers an exchange.
func (a Answer) Send(x listener.Exchange) {
	for name, values := range a.Header {
		x.SetHeader(name, strings.Join(values, ", "))
	}
	x.SetStatus(a.Status)
	if len(a.Body) > 0 {
		x.Write(a.Body)
	}
}

type recorder struct{ answer Answer }

func (r *recorder) Header() http.Header {
	if r.answer.Header == nil {
		r.answer.Header = http.Header{}
	}
	return r.answer.Header
}

func (r *recorder) WriteHeader(status int) { r.answer.Status = status }

func (r *recorder) Write(p []byte) (int, error) {
	r.answer.Body = append(r.answer.Body, p...)
	return len(p), nil
}
