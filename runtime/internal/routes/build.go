package routes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/echterhof/rockstar-tui/listener"
	"github.com/echterhof/rockstar-tui/pool"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/staticfiles"
)

// Site is what the routes of one listener need from the process they run in.
type Site struct {
	// Pool by name. It exists for every pool that a route names.
	Pool func(name string) *pool.Pool
	// Totals of the whole listener, all its workers together.
	Totals func() listener.Totals
}

// connectionStats is the answer of a stats route.
type connectionStats struct {
	Active uint64 `json:"active_connections"`
	Total  uint64 `json:"total_connections"`
	Idle   uint64 `json:"idle_connections"`
}

// Build makes the Router of a listener. It opens what the routes need, so that it
// fails before anything is changed.
func Build(routes []config.Route, s Site) (*Router, error) {
	r := New()
	for _, c := range routes {
		serve, err := buildRoute(c, s)
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", c.Match, err)
		}
		if err := r.Handle(c.Match, timed(serve, c.Timeouts)); err != nil {
			return nil, err
		}
		if c.Proxy != nil || c.Files != nil {
			r.Guard(c.Match)
		}
		if c.Proxy != nil {
			r.PassAsSent(c.Match)
		}
	}
	return r, nil
}

// timed has a route's own timeouts hold for its requests.
func timed(serve Route, c *config.RouteTimeouts) Route {
	if c == nil {
		return serve
	}
	t := &listener.Timeouts{
		Read: (*time.Duration)(c.Read), Write: (*time.Duration)(c.Write),
		Request: (*time.Duration)(c.Request), Response: (*time.Duration)(c.Response),
	}
	if c.MinRate != nil {
		rate := int(*c.MinRate)
		t.MinRate = &rate
	}
	return func(x listener.Exchange) {
		listener.SetTimeouts(x, t)
		serve(x)
	}
}

func buildRoute(c config.Route, s Site) (Route, error) {
	switch {
	case c.Respond != nil:
		return respondRoute(*c.Respond), nil
	case c.Files != nil:
		return filesRoute(*c.Files, c.Match)
	case c.Proxy != nil:
		return proxyRoute(*c.Proxy, s), nil
	default:
		return statsRoute(s), nil
	}
}

// filesRoute serves a directory under the part of the path that the pattern
// leaves open: "/static/" with root "public" answers /static/a.css by
// public/a.css. A pattern of one path, "/robots.txt", answers by the file of
// that name.
func filesRoute(c config.Files, pattern string) (Route, error) {
	_, _, prefix := splitPattern(pattern)
	if i := strings.IndexByte(prefix, '{'); i >= 0 {
		prefix = prefix[:i]
	}
	d, err := staticfiles.Open(c.Root, prefix[:strings.LastIndexByte(prefix, '/')+1], c.Index)
	if err != nil {
		return nil, err
	}
	return d.Serve, nil
}

// respondRoute answers with a fixed response, prepared once.
func respondRoute(c config.Respond) Route {
	body := []byte(c.Body)
	contentType := "text/plain; charset=utf-8"
	type field struct{ name, value string }
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if strings.EqualFold(name, fasthttp.HeaderContentType) {
			contentType = c.Headers[name]
			continue
		}
		fields = append(fields, field{name, c.Headers[name]})
	}
	return func(x listener.Exchange) {
		x.SetStatus(c.Status)
		x.SetHeader(fasthttp.HeaderContentType, contentType)
		for _, f := range fields {
			x.SetHeader(f.name, f.value)
		}
		x.SetBody(body)
	}
}

// proxyRoute forwards to a pool.
func proxyRoute(c config.Proxy, s Site) Route {
	p := s.Pool(c.Pool)
	return func(x listener.Exchange) {
		if ctx, ok := listener.FastHTTP(x); ok {
			p.ProxyFor(ctx, listener.ClientOf(x))
			return
		}
		if w, r, ok := listener.NetHTTP(x); ok {
			p.ServeFor(w, r, listener.ClientOf(x))
		}
	}
}

// statsRoute answers with the connection counts of the listener.
func statsRoute(s Site) Route {
	return func(x listener.Exchange) {
		t := s.Totals()
		body, err := json.Marshal(connectionStats{Active: t.Active, Idle: t.Idle, Total: t.Accepted})
		if err != nil {
			x.SetStatus(fasthttp.StatusInternalServerError)
			return
		}
		x.SetStatus(fasthttp.StatusOK)
		x.SetHeader(fasthttp.HeaderContentType, "application/json")
		x.Write(append(body, '\n'))
	}
}
