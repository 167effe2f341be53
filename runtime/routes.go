package runtime

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

// site is what the routes of one listener need from the process they run in.
type site struct {
	// pool by name; nil means there is no such pool.
	pool func(name string) *pool.Pool
	// counts of the whole listener, all its workers together.
	counts func() connectionStats
}

// connectionStats is the answer of a stats route.
type connectionStats struct {
	Active uint64 `json:"active_connections"`
	Total  uint64 `json:"total_connections"`
	Idle   uint64 `json:"idle_connections"`
}

func connectionStatsOf(t listener.Totals) connectionStats {
	return connectionStats{Active: t.Active, Idle: t.Idle, Total: t.Accepted}
}

// buildRoutes makes the router of a listener. It looks at what the routes need,
// so that it fails before anything is changed.
func buildRoutes(routes []config.Route, s site) (*router, error) {
	r := newRouter()
	for _, c := range routes {
		serve, err := buildRoute(c, s)
		if err != nil {
			return nil, fmt.Errorf("route %q: %w", c.Match, err)
		}
		if err := r.handle(c.Match, timed(serve, c.Timeouts)); err != nil {
			return nil, err
		}
		r.guarded[c.Match] = c.Proxy != nil || c.Files != nil
		if c.Proxy != nil {
			r.passAsSent(c.Match)
		}
	}
	return r, nil
}

// timed has a route's own timeouts hold for its requests.
func timed(serve route, c *config.RouteTimeouts) route {
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

func buildRoute(c config.Route, s site) (route, error) {
	switch {
	case c.Respond != nil:
		return respondRoute(*c.Respond), nil
	case c.Files != nil:
		return filesRoute(*c.Files, c.Match)
	case c.Proxy != nil:
		return proxyRoute(*c.Proxy, s)
	default:
		return statsRoute(s), nil
	}
}

// filesRoute serves a directory under the part of the path that the pattern
// leaves open: "/static/" with root "public" answers /static/a.css by
// public/a.css. A pattern of one path, "/robots.txt", answers by the file of
// that name.
func filesRoute(c config.Files, pattern string) (route, error) {
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
func respondRoute(c config.Respond) route {
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
func proxyRoute(c config.Proxy, s site) (route, error) {
	p := s.pool(c.Pool)
	return func(x listener.Exchange) {
		if ctx, ok := listener.FastHTTP(x); ok {
			p.ProxyFor(ctx, listener.ClientOf(x))
			return
		}
		if w, r, ok := listener.NetHTTP(x); ok {
			p.ServeFor(w, r, listener.ClientOf(x))
		}
	}, nil
}

// statsRoute answers with the connection counts of the listener.
func statsRoute(s site) route {
	return func(x listener.Exchange) {
		body, err := json.Marshal(s.counts())
		if err != nil {
			x.SetStatus(fasthttp.StatusInternalServerError)
			return
		}
		x.SetStatus(fasthttp.StatusOK)
		x.SetHeader(fasthttp.HeaderContentType, "application/json")
		x.Write(append(body, '\n'))
	}
}
