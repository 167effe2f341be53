package config

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// validate reports what is wrong between values that are each fine.
func validate(c *Config, doc *document, r *report) {
	v := validator{config: c, root: doc.root, report: r}
	v.addresses()
	v.transports()
	for _, name := range sortedKeys(c.Listeners) {
		v.routes(name, c.Listeners[name].Routes)
	}
	v.backends()
}

type validator struct {
	config *Config
	root   *node
	report *report
}

func (v *validator) add(f *fault, path ...string) {
	v.report.add(path, v.root.locate(path), f)
}

// addresses refuses the same one twice. That two that differ can be bound
// together, only the kernel knows.
func (v *validator) addresses() {
	holder := map[string]string{}
	for _, name := range v.listenersInOrder() {
		l := v.config.Listeners[name]
		same, fixed := sameAddress(l.Address)
		if !fixed || !l.Enabled || !v.report.sound("listeners", name, "enabled") {
			continue
		}
		if l.Protocol == ProtocolQUIC { // UDP has ports of its own
			same += " udp"
		}
		first, taken := holder[same]
		if !taken {
			holder[same] = name
			continue
		}
		line := v.root.locate([]string{"listeners", first, "address"}).suffix(" in", v.report)
		v.add(faultf("listener %s%s has the same address", first, line).hintf("give one of them another port"),
			"listeners", name, "address")
	}
}

// maxQUICWorkers leaves each worker of a QUIC listener a second slot, for its
// successor: there are 256, one of them the master's.
const maxQUICWorkers = 127

// transports refuses what no client could speak.
func (v *validator) transports() {
	for _, name := range sortedKeys(v.config.Listeners) {
		l := v.config.Listeners[name]
		at := []string{"listeners", name}
		switch {
		case !v.report.sound(append(at, "protocol")...) || !v.report.sound(append(at, "tls")...) || !v.report.sound(append(at, "h2c")...):
		case l.Protocol == "http2" && !l.Secure() && !l.H2C:
			v.add(faultf("http2 needs tls").hintf("write tls: {cert_file: cert.pem, key_file: key.pem}, or h2c: true for clients with prior knowledge"),
				append(at, "protocol")...)
		case l.Protocol == ProtocolQUIC && !l.Secure():
			v.add(faultf("quic needs tls").hintf("write tls: {cert_file: cert.pem, key_file: key.pem}"), append(at, "protocol")...)
		case l.Protocol == ProtocolQUIC && l.Prefork.Workers > maxQUICWorkers:
			v.add(faultf("%d is too large for quic", l.Prefork.Workers).hintf("at most %d", maxQUICWorkers), append(at, "prefork", "workers")...)
		case l.Protocol == ProtocolQUIC && !slices.Contains([]string{"", "auto", "random"}, l.Prefork.Steering):
			v.add(faultf("%s does not work with quic, which steers by connection ID", l.Prefork.Steering).hintf("write auto, or remove it"), append(at, "prefork", "steering")...)
		case l.H2C && l.Protocol != "http2":
			v.add(faultf("h2c is for protocol http2").hintf("write protocol: http2, or remove it"), append(at, "h2c")...)
		case l.H2C && l.Secure():
			v.add(faultf("h2c is for listeners without tls").hintf("keep one of the two"), append(at, "h2c")...)
		case l.ProgramTLS && l.TLS != nil:
			v.add(faultf("program_tls is for listeners without certificate files").hintf("keep one of the two"), append(at, "program_tls")...)
		}
	}
}

// listenersInOrder has those of the file first to last, so that the later of
// two is the one that is wrong.
func (v *validator) listenersInOrder() []string {
	var known []string
	for _, name := range v.root.get("listeners").keys() {
		if _, ok := v.config.Listeners[name]; ok {
			known = append(known, name)
		}
	}
	return known
}

// sameAddress writes alike what is bound alike. Port 0 is another one each time.
func sameAddress(address string) (same string, fixed bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "0" {
		return "", false
	}
	host = strings.ToLower(host)
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.Unmap().String()
		if ip.IsUnspecified() {
			host = ""
		}
	}
	return net.JoinHostPort(host, port), true
}

var handlers = []string{"respond", "files", "proxy", "stats"}

func (v *validator) routes(listener string, routes []Route) {
	mux := http.NewServeMux()
	for i, route := range routes {
		at := []string{"listeners", listener, "routes", strconv.Itoa(i)}
		if v.report.sound(at...) {
			v.handler(route, at)
		}
		if route.Proxy != nil && v.report.sound(append(at, "proxy", "pool")...) {
			v.pool(route.Proxy.Pool, append(at, "proxy", "pool"))
		}
		if route.Match == "" {
			continue
		}
		if refused := register(mux, route.Match); refused != "" {
			v.add(v.matchFault(routes, i, refused, listener), append(at, "match")...)
		}
	}
}

func (v *validator) handler(route Route, at []string) {
	var has []string
	for i, there := range []bool{route.Respond != nil, route.Files != nil, route.Proxy != nil, route.Stats != nil} {
		if there {
			has = append(has, handlers[i])
		}
	}
	switch {
	case len(has) == 0:
		v.add(faultf("has no handler").hintf("give it one of %s", strings.Join(handlers, ", ")), at...)
	case len(has) > 1:
		v.add(faultf("has %d handlers: %s", len(has), strings.Join(has, ", ")).hintf("keep one"), at...)
	}
}

func (v *validator) pool(name string, at []string) {
	if _, ok := v.config.Pools[name]; ok || !v.report.sound("pools", name) {
		return
	}
	f := faultf("no pool %q", shorten(name))
	f.hint = suggest(name, sortedKeys(v.config.Pools))
	v.add(f, at...)
}

// register says why the mux refuses the pattern; empty if it does not.
func register(mux *http.ServeMux, pattern string) (refused string) {
	defer func() {
		if r := recover(); r != nil {
			refused = fmt.Sprint(r)
		}
	}()
	mux.Handle(pattern, http.NotFoundHandler())
	return ""
}

// matchFault finds out whether the pattern is wrong by itself or conflicts with
// one before it, and with which.
func (v *validator) matchFault(routes []Route, i int, refused, listener string) *fault {
	pattern := routes[i].Match
	if alone := register(http.NewServeMux(), pattern); alone != "" {
		_, reason, _ := strings.Cut(alone, `": `)
		return faultf("%q is not a pattern: %s", shorten(pattern), reason).
			hintf(`write it like "/path/", "GET /path" or "example.com/path/{name}"`)
	}
	_, reason, _ := strings.Cut(refused, ":\n")
	f := faultf("%q conflicts with a route before it", shorten(pattern)).hintf("%s", firstLine(reason))
	if j := rival(routes[:i], refused); j >= 0 {
		line := v.root.locate([]string{"listeners", listener, "routes", strconv.Itoa(j), "match"}).suffix(" in", v.report)
		f.message = fmt.Sprintf("%q conflicts with %q%s", shorten(pattern), shorten(routes[j].Match), line)
	}
	return f
}

// rival is the index of the route that the mux named in its refusal, -1 if it
// does not name one. To try each of them would take long with many.
func rival(earlier []Route, refused string) int {
	_, named, _ := strings.Cut(refused, "conflicts with pattern ")
	quoted, err := strconv.QuotedPrefix(named)
	if err != nil {
		return -1
	}
	pattern, err := strconv.Unquote(quoted)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(earlier, func(r Route) bool { return r.Match == pattern })
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return strings.TrimSuffix(s, ".")
}

func (v *validator) backends() {
	total := 0
	for _, name := range sortedKeys(v.config.Pools) {
		n := len(v.config.Pools[name].Backends)
		if n == 0 && v.report.sound("pools", name) {
			v.add(faultf("a pool needs at least one backend").like(keyAt([]string{"pools", "*", "backends"})),
				"pools", name, "backends")
		}
		total += n
	}
	if total > maxBackends {
		v.add(faultf("%d backends are too many for all pools together", total).hintf("at most %d", maxBackends), "pools")
	}
}

func sortedKeys[T any](m map[string]T) []string {
	return slices.Sorted(maps.Keys(m))
}

func checkVersion(text string) *fault {
	if text == "1" {
		return nil
	}
	return faultf("version %s of the schema is not known", text).hintf("write version: 1")
}

func checkAddress(address string) *fault {
	host, port, err := net.SplitHostPort(address)
	switch {
	case err == nil:
	case bareNumber.MatchString(address):
		return faultf("%q has no port", shorten(address)).hintf("write %q", ":"+shorten(address))
	case strings.Contains(err.Error(), "missing port"):
		return faultf("%q has no port", shorten(address)).hintf("write %q", shorten(address)+":8080")
	default:
		return faultf("%q is not host:port", shorten(address)).hintf(`put an IPv6 address in brackets: "[::1]:8080"`)
	}
	if f := checkPort(port, 0); f != nil {
		return f
	}
	if host == "*" {
		return faultf("* is not a host").hintf("write %q for every address of this machine", ":"+port)
	}
	return checkHost(host)
}

func checkPort(port string, least int64) *fault {
	if port == "" {
		return faultf("has no port after the colon")
	}
	n, err := parseInt(port)
	if err != nil {
		return faultf("port %q is not a number", shorten(port)).hintf("write one from %d to 65535", least)
	}
	if n < least || n > 65535 {
		return faultf("port %d is out of range", n).hintf("write one from %d to 65535", least)
	}
	return nil
}

// checkHost takes an IP address, a name, or nothing.
func checkHost(host string) *fault {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	for _, c := range []byte(host) {
		if c != '.' && !isNameByte(c) {
			return faultf("%q is not a host", shorten(host)).hintf("write an IP address or a name")
		}
	}
	return nil
}

func checkURL(text string) *fault {
	const like = `write it like "http://127.0.0.1:9001"`
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return faultf("%q is not a URL", shorten(text)).hintf(like)
	case u.Scheme == "https":
		return faultf("https to backends is not supported").hintf("use http")
	case u.Scheme != "http" || u.Opaque != "":
		return faultf("%q is not an http URL", shorten(text)).hintf(like)
	case u.User != nil:
		return faultf("a backend URL has no user or password").hintf(like)
	case u.Hostname() == "":
		return faultf("%q has no host", shorten(text)).hintf(like)
	case u.Port() == "":
		return faultf("%q has no port", shorten(text)).hintf("write %q", "http://"+shorten(u.Host)+":80")
	case u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return faultf("a backend URL ends after the port").hintf("write %q", "http://"+shorten(u.Host))
	}
	if f := checkPort(u.Port(), 1); f != nil {
		return f
	}
	return checkHost(u.Hostname())
}

func checkMatch(pattern string) *fault {
	if pattern == "" {
		return faultf("is empty").hintf("write / for every request")
	}
	return nil
}

func checkRoot(root string) *fault {
	if root == "" {
		return faultf("is empty").hintf("write . for the directory of the config file")
	}
	return nil
}

// minMemory is what a worker needs to serve at all.
const minMemory = Size(32 * mib)

func checkPath(path string) *fault {
	if path == "" {
		return faultf("is empty").hintf("name a file in PEM, such as cert.pem")
	}
	return nil
}

func checkIndex(index string) *fault {
	if index == "" || index == "." || index == ".." || strings.ContainsAny(index, `/\`) {
		return faultf("%q is not the name of a file", shorten(index)).hintf("write it like index.html")
	}
	return nil
}

func checkHeader(name string, value *node) *fault {
	switch {
	case name == "" || len(name) > 256 || strings.ContainsFunc(name, func(c rune) bool { return !isToken(c) }):
		return faultf("not the name of a header")
	case strings.EqualFold(name, "Content-Length"), strings.EqualFold(name, "Transfer-Encoding"):
		return faultf("is set by the server itself").hintf("remove it")
	case value.shape == mapping || value.shape == sequence:
		return faultf("is %s, not a text", value.shape.article())
	case strings.ContainsFunc(value.text, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }):
		return faultf("a header's value is one line without control characters")
	}
	return nil
}

func isToken(c rune) bool {
	return c < 0x80 && (isNameByte(byte(c)) || strings.ContainsRune("!#$%&'*+.^`|~", c))
}

func becomesTrue(_, to string) bool { return to == "true" }
func added(from, _ string) bool     { return from == "" }
