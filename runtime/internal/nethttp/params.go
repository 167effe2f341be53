package nethttp

import (
	"net/url"
	"strings"
)

// Params are the wildcards of a path, in their order.
type Params []param

// param is one wildcard.
type param struct {
	name    string
	segment int  // its place, counted in slashes
	rest    bool // takes all that follows
}

// ParamsOf finds the wildcards of a path as http.ServeMux writes them: {name} and
// {name...}.
func ParamsOf(path string) (params Params) {
	for i, segment := range strings.Split(path, "/") {
		name, ok := strings.CutPrefix(segment, "{")
		if !ok || segment == "{$}" {
			continue
		}
		name, rest := strings.CutSuffix(strings.TrimSuffix(name, "}"), "...")
		params = append(params, param{name: name, segment: i, rest: rest})
	}
	return params
}

// value is what the parameter stands for in a path as it was sent. That the path
// fits the pattern, the router has seen.
func (p param) value(raw string) string {
	for range p.segment {
		_, raw, _ = strings.Cut(raw, "/")
	}
	if !p.rest {
		raw, _, _ = strings.Cut(raw, "/")
	}
	if value, err := url.PathUnescape(raw); err == nil {
		return strings.Clone(value)
	}
	return strings.Clone(raw)
}
