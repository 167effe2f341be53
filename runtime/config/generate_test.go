package config_test

import (
	"fmt"
	"math/rand"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// generator writes random configs that are right, from what the package itself
// says of its keys.
type generator struct{ *rand.Rand }

func (g generator) chance(p float64) bool      { return g.Float64() < p }
func (g generator) pick(from ...string) string { return from[g.Intn(len(from))] }

// some returns each of the words with the probability p, in random order.
func (g generator) some(p float64, words ...string) []string {
	var chosen []string
	for _, i := range g.Perm(len(words)) {
		if g.chance(p) {
			chosen = append(chosen, words[i])
		}
	}
	return chosen
}

func (g generator) config() string {
	var pools []string
	var b strings.Builder
	b.WriteString("version: 1\n")
	if g.chance(0.7) {
		pools = g.some(0.5, "api", "app-1", "Big_2")
		b.WriteString("pools: " + g.named(pools, g.pool) + "\n")
	}
	if g.chance(0.6) {
		b.WriteString("defaults: " + flowMap(g.settings("defaults.", 0.3)) + "\n")
	}
	if g.chance(0.9) {
		names := g.some(0.5, "web", "api", "web-2", "_edge"[1:], "null", "9")
		b.WriteString("listeners: " + g.named(names, func(name string) string { return g.listener(name, pools) }) + "\n")
	}
	return b.String()
}

func (g generator) named(names []string, one func(string) string) string {
	fields := map[string]string{}
	for _, name := range names {
		fields[strconv.Quote(name)] = one(name)
	}
	return flowMap(fields)
}

func flowMap(fields map[string]string) string {
	var all []string
	for key, value := range fields {
		all = append(all, key+": "+value)
	}
	return "{" + strings.Join(all, ", ") + "}"
}

// settings picks from the keys with the prefix, which are at most two deep.
func (g generator) settings(prefix string, p float64) map[string]string {
	sections := map[string]map[string]string{}
	for _, k := range config.Keys() {
		rest, ok := strings.CutPrefix(k.Path, prefix)
		section, name, nested := strings.Cut(rest, ".")
		if !ok || !nested || section == "tls" || strings.Contains(name, ".") || !g.chance(p) {
			continue
		}
		if sections[section] == nil {
			sections[section] = map[string]string{}
		}
		sections[section][name] = g.value(k)
	}
	if s := sections["prefork"]; s != nil && g.chance(0.5) {
		s["recycle"] = "{" + strings.Join(g.some(0.5, "max_requests: 50000", "max_age: 1h30m", "max_memory: 64MiB"), ", ") + "}"
	}
	fields := map[string]string{}
	for name, section := range sections {
		fields[name] = flowMap(section)
	}
	return fields
}

// value prefers few different values, so that two configs agree often.
func (g generator) value(k config.Key) string {
	if strings.Contains(k.Path, ".prefork.") && (k.Type == "duration" || k.Type == "size") {
		// Nothing or enough to live on.
		return map[string]string{"duration": g.pick("0s", "1s", "1m30s", "24h"), "size": g.pick("0", "32MiB", "2GiB")}[k.Type]
	}
	if strings.HasPrefix(k.Path, "pools.") && k.Type == "size" {
		return g.pick("16KiB", "20000", "1MiB", k.Default) // a buffer at least
	}
	switch k.Type {
	case "true or false":
		return g.pick("true", "false")
	case "duration":
		return g.pick("0s", "1ms", "10s", "1m30s", "120s", "24h", k.Default)
	case "size":
		return g.pick("1KiB", "4096", "5000", "1MiB", k.Default)
	case "number":
		most, _ := strconv.ParseInt(k.Max, 10, 64)
		return g.pick(k.Min, k.Max, k.Default, fmt.Sprint(1+g.Int63n(most)))
	case "number or auto":
		return g.pick("auto", "0", "1", "4", "256")
	case "choice":
		return g.pick(k.Choices...)
	}
	panic("no value for " + k.Path)
}

// listener of a name has a port of its own.
func (g generator) listener(name string, pools []string) string {
	port := 1000
	for _, c := range name {
		port += int(c)
	}
	fields := g.settings("listeners.*.", 0.15)
	fields["address"] = fmt.Sprintf("%q", fmt.Sprintf("%s:%d", g.pick("", "127.0.0.1", "[::1]", "localhost"), port))
	if g.chance(0.3) {
		fields["enabled"] = g.pick("true", "false")
	}
	switch {
	case g.chance(0.2):
		fields["protocol"], fields["h2c"] = "http2", "true"
	case g.chance(0.4):
		fields["protocol"] = g.pick("http", "http2", "quic")
		if fields["protocol"] == "quic" {
			delete(fields, "prefork") // it takes fewer workers than others
		}
		fields["tls"] = fmt.Sprintf("{cert_file: %s, key_file: key.pem}", g.pick("a.pem", "/b.pem"))
	}
	if g.chance(0.8) {
		var routes []string
		for _, match := range g.some(0.3, "/", "GET /a", "POST /a", "example.com/", "/f/{x...}", "/g/{$}") {
			routes = append(routes, fmt.Sprintf("{match: %q, %s}", match, g.handler(pools)))
		}
		fields["routes"] = "[" + strings.Join(routes, ", ") + "]"
	}
	return flowMap(fields)
}

func (g generator) handler(pools []string) string {
	switch {
	case g.chance(0.3):
		return "stats: {}"
	case g.chance(0.3) && len(pools) > 0:
		return "proxy: {pool: " + g.pick(pools...) + "}"
	case g.chance(0.3):
		return "files: {root: " + g.pick("/srv", "./public", "..", `"with space"`) + g.pick("", ", index: x.htm") + "}"
	}
	fields := map[string]string{}
	if g.chance(0.5) {
		fields["status"] = g.pick("200", "204", "404", "599")
	}
	if g.chance(0.5) {
		fields["body"] = g.text()
	}
	if g.chance(0.5) {
		fields["headers"] = g.pick("{}", "{X-One: "+g.pick("1", "true", `"a\tb"`, `"ü: {}"`)+"}", "{X-One: a, Two: b}")
	}
	return "respond: " + flowMap(fields)
}

func (g generator) text() string {
	runes := []rune("aZ0 \n\t\"'\\:#{}[],&*!|>%@`~-=<.ß€😀\u0085\u2028\ufeff\x7f\x00")
	text := make([]rune, g.Intn(8))
	for i := range text {
		text[i] = runes[g.Intn(len(runes))]
	}
	return strconv.Quote(g.pick(string(text), "null", "true", "1", "<<", "~"))
}

func (g generator) pool(string) string {
	fields := map[string]string{}
	for _, k := range config.Keys() {
		name, ok := strings.CutPrefix(k.Path, "pools.*.")
		if ok && !strings.Contains(name, ".") && g.chance(0.3) {
			fields[name] = g.value(k)
		}
	}
	fields["backends"] = g.named(append(g.some(0.3, "b", "c-1"), "a"), func(string) string {
		return fmt.Sprintf("{url: %q%s}", g.pick("http://127.0.0.1:9001", "http://[::1]:80", "http://backend:1"), g.pick("", ", weight: 2", ", weight: 1"))
	})
	return flowMap(fields)
}
