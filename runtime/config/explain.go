package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
)

// effectWords say what an effect means.
var effectWords = map[Effect]string{
	Live:    "live: at once, for open connections too",
	Drain:   "drain: at once; affected connections are closed after their current request",
	Rebind:  "rebind: a new socket is bound first, then connections of the old socket are closed after their current request",
	Restart: "restart: at the next start of the runtime",
}

// Explain describes the keys that a path means, and all that lie below them. A
// path may have names in it or a * in their place, and may begin anywhere:
// "listeners.web.timeouts.idle", "listeners.*.timeouts" and "timeouts.idle" are
// all understood. An empty path means all keys.
func Explain(path string) ([]Key, error) {
	parts := strings.Split(path, ".")
	var found []*key
	if path == "" {
		found = []*key{schema}
	} else if k := keyAt(parts); k != nil {
		found = []*key{k}
	} else {
		schema.visit(func(k *key) {
			if k.path == path || strings.HasSuffix(k.path, "."+path) {
				found = append(found, k)
			}
		})
	}
	if len(found) == 0 {
		return nil, unexplained(path, parts)
	}
	return described(found), nil
}

// described leaves out keys that only hold others, unless they were asked for.
func described(found []*key) []Key {
	var keys []Key
	for _, top := range found {
		top.visit(func(k *key) {
			holds := k.kind == section || k.kind == names
			if k != schema && (!holds || k == top) {
				keys = append(keys, k.describe())
			}
		})
	}
	return keys
}

func unexplained(path string, parts []string) error {
	var known []string
	schema.visit(func(k *key) {
		if k.name != "*" && !slices.Contains(known, k.name) {
			known = append(known, k.name)
		}
	})
	last := parts[len(parts)-1]
	message := fmt.Sprintf("no key %q", shorten(path))
	if best := words.Nearest(last, known); best != "" && best != last {
		return fmt.Errorf("%s; did you mean %q?", message, best)
	}
	return fmt.Errorf("%s; config explain lists them all", message)
}
