// Package httpsyntax checks the parts of a request that decide where it goes:
// method, target and host. Every protocol and the proxy use the same rules, so
// that no two of them understand one request differently.
package httpsyntax

import "net/http"

type text interface{ ~string | ~[]byte }

// Refusal is the status to refuse a request with: 0 if its method, target and
// host are well-formed, 501 for CONNECT, else 400. It allocates nothing.
//
// What it accepts can be written into a request line and a Host field and is
// read there as exactly these three: none holds a blank or a control byte. An
// empty host is accepted, because HTTP/1.0 has none; whether one is required
// depends on the protocol.
func Refusal[T text](method, target, host T) int {
	switch {
	case !Token(method):
		return http.StatusBadRequest
	case string(method) == http.MethodConnect:
		return http.StatusNotImplemented
	case !validTarget(string(method) == http.MethodOptions, target), !Host(host):
		return http.StatusBadRequest
	}
	return 0
}

// Classes of bytes.
const (
	inToken = 1 << iota
	inHost
	inTarget
)

var classes = func() (t [256]uint8) {
	const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for _, c := range "!#$%&'*+-.^_`|~" + alphanumeric {
		t[c] |= inToken
	}
	// Names and IPv4 addresses: no user information, nothing that ends an authority.
	for _, c := range "-._~!$&'()*+,;=%" + alphanumeric {
		t[c] |= inHost
	}
	for c := range t {
		if c > ' ' && c != 0x7f {
			t[c] |= inTarget
		}
	}
	return t
}()

func only[T text](s T, class uint8) bool {
	for i := range len(s) {
		if classes[s[i]]&class == 0 {
			return false
		}
	}
	return true
}

// Token reports whether s is a token (RFC 9110, 5.6.2), as methods and names of
// fields are.
func Token[T text](s T) bool { return len(s) > 0 && only(s, inToken) }

// validTarget reports whether t is a path with an optional query, an absolute
// http or https URI, or, for OPTIONS, an asterisk.
func validTarget[T text](options bool, t T) bool {
	switch {
	case len(t) == 0 || !only(t, inTarget):
		return false
	case len(t) == 1 && t[0] == '*':
		return options
	case t[0] == '/':
		return validPath(t)
	}
	host, rest := split(t)
	return len(host) > 0 && Host(host) && validPath(rest)
}

// TargetHost is the host in a valid target, empty unless that is absolute. It
// replaces the Host field (RFC 9112, 3.2.2).
func TargetHost[T text](t T) T {
	if len(t) == 0 || t[0] == '/' || t[0] == '*' {
		return t[:0]
	}
	host, _ := split(t)
	return host
}

// split takes an absolute target apart. host is empty if t is none.
func split[T text](t T) (host, rest T) {
	rest, ok := afterScheme(t)
	if !ok {
		return t[:0], t
	}
	end := 0
	for end < len(rest) && rest[end] != '/' && rest[end] != '?' && rest[end] != '#' {
		end++
	}
	return rest[:end], rest[end:]
}

// afterScheme is what follows the scheme of an absolute target.
func afterScheme[T text](t T) (rest T, ok bool) {
	const scheme = "https://"
	for _, prefix := range [2]string{scheme, "http://"} {
		if len(t) > len(prefix) && foldedEqual(t[:len(prefix)], prefix) {
			return t[len(prefix):], true
		}
	}
	return t, false
}

// foldedEqual compares s, in whatever case, with a lower-case text.
func foldedEqual[T text](s T, lower string) bool {
	for i := range len(lower) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return len(s) == len(lower)
}

// validPath reports whether every percent sign before the query begins an encoded
// byte, and no fragment begins there: servers differ in whether that ends the path.
func validPath[T text](p T) bool {
	for i := 0; i < len(p) && p[i] != '?'; i++ {
		switch p[i] {
		case '#':
			return false
		case '%':
			if i+2 >= len(p) || !hex(p[i+1]) || !hex(p[i+2]) {
				return false
			}
			i += 2
		}
	}
	return true
}

func hex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

// Host reports whether h is a host with an optional port (RFC 9110, 7.2). The
// empty host is valid.
func Host[T text](h T) bool {
	i := 0
	if len(h) > 0 && h[0] == '[' {
		for i < len(h) && h[i] != ']' {
			i++
		}
		if i == len(h) || !validIPv6(h[1:i]) {
			return false
		}
		i++
	} else {
		for i < len(h) && classes[h[i]]&inHost != 0 {
			i++
		}
	}
	if i == len(h) {
		return true
	}
	return i > 0 && h[i] == ':' && validPort(h[i+1:])
}

func validIPv6[T text](a T) bool {
	colon := false
	for i := range len(a) {
		if a[i] == ':' {
			colon = true
		} else if !hex(a[i]) && a[i] != '.' {
			return false
		}
	}
	return colon
}

func validPort[T text](p T) bool {
	for i := range len(p) {
		if p[i] < '0' || p[i] > '9' {
			return false
		}
	}
	return len(p) <= len("65535")
}

// SameHost reports whether two hosts are the same text, in whatever case.
func SameHost(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if c, d := a[i], b[i]; c != d && (c|0x20 != d|0x20 || c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}
