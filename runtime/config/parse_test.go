package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// mistakes are files and what is said of them, without the file's name.
var mistakes = []struct {
	name, text string
	want       []string
}{
	{"empty file", "", []string{
		`1:1: the file is empty; start with version: 1`}},
	{"nothing but comments", "# version: 1\n\n", []string{
		`1:1: the file is empty; start with version: 1`}},
	{"empty document", "---\n", []string{
		`2:1: has no value; write {} if it is empty, or remove it`}},
	{"not a map", "just a text\n", []string{
		`1:1: is a single value, not a map`}},
	{"a list", "- version: 1\n", []string{
		`1:1: is a list, not a map`}},
	{"no version", "listeners: {}\n", []string{
		`1:1: version: is missing; write it like version: 1`}},
	{"other version", "version: 2\n", []string{
		`1:10: version: version 2 of the schema is not known; write version: 1`}},
	{"unclosed list", "version: 1\nlisteners: [\n", []string{
		`3:1: not YAML: did not find expected node content while parsing a flow node that begins in line 3`}},
	{"tab", "version: 1\nlisteners:\n\ta: {}\n", []string{
		`3:1: not YAML: found character that cannot start any token while scanning for the next token that begins in line 3; indent with spaces, not tabs, and quote values that start with a special character`}},
	{"two colons", "version: 1\nlisteners: a: b\n", []string{
		`2:13: not YAML: mapping values are not allowed in this context`}},
	{"not UTF-8", "version: 1\n# ä\xff\n", []string{
		`2:4: byte 0xff is not UTF-8 text`}},
	{"control character", "version: 1\n# \x00\n", []string{
		`2:3: control character 0x00`}},
	{"too deep", "version: 1\nx: " + strings.Repeat("[", 70), []string{
		`2:68: not YAML: exceeded max depth of 64 while increasing flow level that begins in line 2`}},
	{"second document", "version: 1\n---\nversion: 1\n", []string{
		`2:1: a second YAML document starts here; a config is a single document, without ---`}},
	{"duplicate keys", "version: 1\nlisteners: {}\nlisteners: {}\n", []string{
		`3:1: listeners: appears twice, first in line 2`}},
	{"duplicate names", "version: 1\npools:\n  a: {backends: {x: {url: http://h:1}}}\n  a: {}\n", []string{
		`4:3: pools.a: appears twice, first in line 3`}},
	{"anchor and alias", "version: 1\ndefaults: &d\n  timeouts: {}\nlisteners: *d\n", []string{
		`2:11: defaults: anchors are not supported; quote a value that starts with &`,
		`4:12: listeners: aliases are not supported; write the value out, or quote it if it starts with *`}},
	{"unknown alias", "version: 1\nlisteners: {a: {address: *:80}}\n", []string{
		`2:26: not YAML: unknown anchor ':80' referenced; aliases (*name) are not supported; quote a value that starts with *`}},
	{"merge key", "version: 1\ndefaults:\n  <<: {timeouts: {}}\n", []string{
		`3:3: defaults: merge keys (<<) are not supported; use defaults for values that listeners share`}},
	{"tag", "version: !!int 1\n", []string{
		`1:10: version: tags are not supported; quote a value that starts with !`}},
	{"keys that are no words", "version: 1\n? [a]\n: 1\n~: 2\n!x y: 1\n", []string{
		`2:3: a key must be a word; quote text that contains braces or brackets`,
		`4:1: a key is missing before the colon`,
		`5:1: tags are not supported; quote a value that starts with !`}},
	{"null values", "version: ~\ndefaults:\nlisteners:\n  a:\n  b: {address: }\npools: null\n", []string{
		`1:10: version: has no value; write it like version: 1`,
		`2:10: defaults: has no value; write {} if it is empty, or remove it`,
		`4:5: listeners.a: has no value; write it like web: {address: ":8080"}`,
		`5:16: listeners.b.address: has no value; write it like address: ":8080"`,
		`6:8: pools: has no value; write {} if it is empty, or remove it`}},
	{"null items", "version: 1\nlisteners:\n  a:\n    address: :1\n    routes:\n      -\n      - {match: /, stats: }\n", []string{
		`6:8: listeners.a.routes.0: has no value; write it like - {match: "/", respond: {body: hello}}`,
		`7:27: listeners.a.routes.1.stats: has no value; write it like stats: {}`}},
	{"unknown keys", "version: 1\nlistners: {}\ndefaults: {timeouts: {raed: 1s}, max_connections: 5, idle: 3s, colour: red}\n", []string{
		`2:1: listners: unknown key, did you mean "listeners"?`,
		`3:23: defaults.timeouts.raed: unknown key, did you mean "read"?`,
		`3:34: defaults.max_connections: unknown key, did you mean "limits.max_connections"?`,
		`3:54: defaults.idle: unknown key, did you mean "timeouts.idle"?`,
		`3:64: defaults.colour: unknown key; known: timeouts, keep_alive, buffers, limits`}},
	{"unknown key with strange letters", "version: 1\n\"a\\nb\": 1\n", []string{
		`2:1: "a\nb": unknown key; known: version, reload, defaults, listeners, pools`}},
	{"misspelt required key", "version: 1\nlisteners:\n  a: {adress: :1}\n", []string{
		`3:7: listeners.a.adress: unknown key, did you mean "address"?`}},
	{"wrong shapes", "version: 1\ndefaults: {timeouts: 5s, limits: []}\nlisteners: {a: {address: [1], routes: {}}}\npools: {p: 1}\n", []string{
		`2:22: defaults.timeouts: is a single value, not a map; write it like timeouts: {idle: 30s}`,
		`2:26: defaults.limits: is a list, not a map; write it like limits: {max_connections: 500}`,
		`3:17: listeners.a.address: is a list, not a text; write it like address: ":8080"`,
		`3:31: listeners.a.routes: is a map, not a list; write it like - {match: "/", respond: {body: hello}}`,
		`4:12: pools.p: is a single value, not a map`}},
	{"durations", "version: 1\ndefaults:\n  timeouts: {read: 10, write: 0, idle: 5 s, shutdown: -1s, read_header: 25h}\n  keep_alive: {period: 1e3}\n", []string{
		`3:20: defaults.timeouts.read: a duration needs a unit; write "10s"`,
		`3:31: defaults.timeouts.write: a duration needs a unit; write "0s"`,
		`3:40: defaults.timeouts.idle: "5 s" is not a duration; write it like 500ms, 10s or 1m30s`,
		`3:55: defaults.timeouts.shutdown: -1s is too small; at least 0s`,
		`3:73: defaults.timeouts.read_header: 25h0m0s is too large; at most 24h0m0s`,
		`4:24: defaults.keep_alive.period: "1e3" is not a duration; write it like 500ms, 10s or 1m30s`}},
	{"sizes", "version: 1\ndefaults:\n  buffers: {read: 4KB, write: 2MiB}\n  limits: {max_header_bytes: 512, max_request_bytes: 04KiB}\nlisteners:\n  a:\n    address: :1\n    buffers: {read: 9223372036854775807GiB, write: 1.5KiB}\n", []string{
		`3:19: defaults.buffers.read: "4KB" is not a size; write it like 512, 4KiB, 10MiB or 1GiB`,
		`3:31: defaults.buffers.write: 2MiB is too large; at most 1MiB`,
		`4:30: defaults.limits.max_header_bytes: 512 is too small; at least 1KiB`,
		`4:54: defaults.limits.max_request_bytes: a number has no leading zeros; write 4`,
		`8:21: listeners.a.buffers.read: 9223372036854775807GiB is too large`,
		`8:52: listeners.a.buffers.write: "1.5KiB" is not a size; write it like 512, 4KiB, 10MiB or 1GiB`}},
	{"lives", "version: 1\nlisteners:\n  a:\n    address: :1\n    prefork:\n      hang_timeout: 900ms\n      recycle: {max_age: 1ms, max_memory: 4KiB, max_requests: -1}\n", []string{
		`6:21: listeners.a.prefork.hang_timeout: 900ms is too small; at least 1s, or 0s for never`,
		`7:26: listeners.a.prefork.recycle.max_age: 1ms is too small; at least 1s, or 0s for never`,
		`7:43: listeners.a.prefork.recycle.max_memory: 4KiB is too small; at least 32MiB, or 0 for never`,
		`7:63: listeners.a.prefork.recycle.max_requests: -1 is too small; at least 0`}},
	{"numbers", "version: 1\ndefaults:\n  limits: {max_connections: 017, accept_rate: -5}\n  keep_alive: {max_conns: \"3\"}\npools:\n  p: {max_conns: 1_000, backends: {a: {url: http://h:1, weight: 1001}, b: {url: http://h:2, weight: 99999999999999999999}}}\n", []string{
		`3:29: defaults.limits.max_connections: a number has no leading zeros; write 17`,
		`3:47: defaults.limits.accept_rate: -5 is too small; at least 0`,
		`4:27: defaults.keep_alive.max_conns: "3" is a text; write 3 without quotes`,
		`6:18: pools.p.max_conns: "1_000" is not a whole number`,
		`6:65: pools.p.backends.a.weight: 1001 is too large; at most 1000`,
		`6:101: pools.p.backends.b.weight: 99999999999999999999 is too large`}},
	{"truth values", "version: 1\ndefaults: {keep_alive: {enabled: yes}}\nlisteners:\n  a: {address: :1, enabled: False}\n  b: {address: :2, enabled: \"true\"}\n  c: {address: :3, enabled: 7}\n", []string{
		`2:34: defaults.keep_alive.enabled: "yes" is neither true nor false; write true`,
		`4:29: listeners.a.enabled: "False" is neither true nor false; write false`,
		`5:29: listeners.b.enabled: "true" is a text; write true without quotes`,
		`6:29: listeners.c.enabled: "7" is neither true nor false`}},
	{"workers", "version: 1\nlisteners:\n  a: {address: :1, prefork: {workers: 257}}\n  b: {address: :2, prefork: {workers: many}}\n  c: {address: :3, prefork: 4}\n", []string{
		`3:39: listeners.a.prefork.workers: 257 is too large; at most 256`,
		`4:39: listeners.b.prefork.workers: "many" is not a whole number; write a number or auto`,
		`5:29: listeners.c.prefork: is a single value, not a map; write it like prefork: {workers: 4}`}},
	{"choices", "version: 1\nlisteners: {a: {address: :1, protocol: htpt}}\npools: {p: {balance: fair, backends: {a: {url: http://h:1}}}}\n", []string{
		`2:40: listeners.a.protocol: unknown protocol "htpt", did you mean "http"?`,
		`3:22: pools.p.balance: unknown balance "fair"; known: least_connections, round_robin, random`}},
	{"quic", "version: 1\nlisteners:\n  a: {address: :1, protocol: quic}\n  b: {address: :2, protocol: quic, tls: {cert_file: a, key_file: b}, prefork: {workers: 128}}\n", []string{
		`3:30: listeners.a.protocol: quic needs tls; write tls: {cert_file: cert.pem, key_file: key.pem}`,
		`4:89: listeners.b.prefork.workers: 128 is too large for quic; at most 127`}},
	{"transports", "version: 1\nlisteners:\n  a: {address: :1, protocol: http2}\n  b: {address: :2, h2c: true}\n  c:\n    address: :3\n    protocol: http2\n    h2c: true\n    tls: {cert_file: a, key_file: b}\n  d: {address: :4, tls: {cert_file: a}}\n  e: {address: :5, protocol: http2, h2c: true}\n  f: {address: :6, tls: {cert_file: '', key_file: b}}\n", []string{
		`3:30: listeners.a.protocol: http2 needs tls; write tls: {cert_file: cert.pem, key_file: key.pem}, or h2c: true for clients with prior knowledge`,
		`4:25: listeners.b.h2c: h2c is for protocol http2; write protocol: http2, or remove it`,
		`8:10: listeners.c.h2c: h2c is for listeners without tls; keep one of the two`,
		`10:20: listeners.d.tls.key_file: is missing; write it like key_file: key.pem`,
		`12:37: listeners.f.tls.cert_file: is empty; name a file in PEM, such as cert.pem`}},
	{"names", "version: 1\nlisteners:\n  -a: {address: :1}\n  a.b: {address: :2}\npools:\n  \"\": {backends: {ä: {url: http://h:1}}}\n", []string{
		`3:3: listeners.-a: not a name; a name has up to 63 letters, digits, - and _, and begins with a letter or digit`,
		`4:3: listeners."a.b": not a name; a name has up to 63 letters, digits, - and _, and begins with a letter or digit`,
		`6:3: pools."": not a name; a name has up to 63 letters, digits, - and _, and begins with a letter or digit`}},
	{"addresses", "version: 1\nlisteners:\n" +
		"  a: {}\n" +
		"  b: {address: 80}\n" +
		"  c: {address: localhost}\n" +
		"  d: {address: \":http\"}\n" +
		"  e: {address: \":65536\"}\n" +
		"  f: {address: \"::1:80\"}\n" +
		"  g: {address: \"*:80\"}\n" +
		"  h: {address: \"a b:80\"}\n" +
		"  i: {address: \"\"}\n" +
		"  j: {address: \"h:\"}\n" +
		"  k: {address: \":080\"}\n", []string{
		`3:3: listeners.a.address: is missing; write it like address: ":8080"`,
		`4:16: listeners.b.address: "80" has no port; write ":80"`,
		`5:16: listeners.c.address: "localhost" has no port; write "localhost:8080"`,
		`6:16: listeners.d.address: port "http" is not a number; write one from 0 to 65535`,
		`7:16: listeners.e.address: port 65536 is out of range; write one from 0 to 65535`,
		`8:16: listeners.f.address: "::1:80" is not host:port; put an IPv6 address in brackets: "[::1]:8080"`,
		`9:16: listeners.g.address: * is not a host; write ":80" for every address of this machine`,
		`10:16: listeners.h.address: "a b" is not a host; write an IP address or a name`,
		`11:16: listeners.i.address: "" has no port; write ":8080"`,
		`12:16: listeners.j.address: has no port after the colon`,
		`13:16: listeners.k.address: port "080" is not a number; write one from 0 to 65535`}},
	{"same address", "version: 1\nlisteners:\n" +
		"  z: {address: \":80\"}\n" +
		"  b: {address: \"0.0.0.0:80\"}\n" +
		"  c: {address: \"[::]:80\", enabled: false}\n" +
		"  d: {address: \"[::1]:80\"}\n" +
		"  e: {address: \"[0:0::1]:80\"}\n" +
		"  f: {address: \":0\"}\n" +
		"  g: {address: \":0\"}\n", []string{
		`4:16: listeners.b.address: listener z in line 3 has the same address; give one of them another port`,
		`7:16: listeners.e.address: listener d in line 6 has the same address; give one of them another port`}},
	{"routes", "version: 1\nlisteners:\n  a:\n    address: :1\n    routes:\n" +
		"      - {match: GET}\n" +
		"      - {respond: {}}\n" +
		"      - {match: /x, respond: {}, stats: {}}\n" +
		"      - {match: \"/x\", stats: {}}\n" +
		"      - {match: \"GET /{a}/b/e\", stats: {}}\n" +
		"      - match: \"GET /c/{d}/e\"\n" +
		"        stats: {}\n" +
		"      - {match: /y, stats: {deep: 1}}\n" +
		"      - {match: /z, proxy: {pool: api}}\n" +
		"      - {match: \"\", stats: {}}\n" +
		"pools: {apis: {backends: {a: {url: http://h:1}}}}\n", []string{
		`6:9: listeners.a.routes.0: has no handler; give it one of respond, files, proxy, stats`,
		`6:17: listeners.a.routes.0.match: "GET" is not a pattern: at offset 0: host/path missing /; write it like "/path/", "GET /path" or "example.com/path/{name}"`,
		`7:9: listeners.a.routes.1.match: is missing; write it like match: "GET /hello"`,
		`8:9: listeners.a.routes.2: has 2 handlers: respond, stats; keep one`,
		`9:17: listeners.a.routes.3.match: "/x" conflicts with "/x" in line 8; /x matches the same requests as /x`,
		`11:16: listeners.a.routes.5.match: "GET /c/{d}/e" conflicts with "GET /{a}/b/e" in line 10; GET /c/{d}/e and GET /{a}/b/e both match some paths, like "/c/b/e"`,
		`13:29: listeners.a.routes.6.stats.deep: unknown key; write it like stats: {}`,
		`14:35: listeners.a.routes.7.proxy.pool: no pool "api", did you mean "apis"?`,
		`15:17: listeners.a.routes.8.match: is empty; write / for every request`}},
	{"handlers", "version: 1\nlisteners:\n  a:\n    address: :1\n    routes:\n" +
		"      - {match: /1, respond: {status: 199}}\n" +
		"      - {match: /2, respond: {status: 600}}\n" +
		"      - {match: /3, files: {}}\n" +
		"      - {match: /4, files: {root: \"\"}}\n" +
		"      - {match: /5, files: {root: a, index: ../b}}\n" +
		"      - {match: /6, proxy: {}}\n" +
		"      - {match: /7, respond: {headers: {\"a b\": c, X: \"1\\r\\n2\", Content-Length: 5, Y: [1], y: 2}}}\n", []string{
		`6:39: listeners.a.routes.0.respond.status: 199 is too small; at least 200`,
		`7:39: listeners.a.routes.1.respond.status: 600 is too large; at most 599`,
		`8:21: listeners.a.routes.2.files.root: is missing; write it like root: ./public`,
		`9:35: listeners.a.routes.3.files.root: is empty; write . for the directory of the config file`,
		`10:45: listeners.a.routes.4.files.index: "../b" is not the name of a file; write it like index.html`,
		`11:21: listeners.a.routes.5.proxy.pool: is missing; write it like pool: api`,
		`12:41: listeners.a.routes.6.respond.headers."a b": not the name of a header`,
		`12:51: listeners.a.routes.6.respond.headers.X: a header's value is one line without control characters`,
		`12:64: listeners.a.routes.6.respond.headers.Content-Length: is set by the server itself; remove it`,
		`12:83: listeners.a.routes.6.respond.headers.Y: is a list, not a text`,
		`12:91: listeners.a.routes.6.respond.headers.y: is the same header as Y`}},
	{"backends", "version: 1\npools:\n" +
		"  a: {}\n" +
		"  b: {backends: {}}\n" +
		"  c:\n    backends:\n" +
		"      a: {}\n" +
		"      b: {url: \"https://h:1\"}\n" +
		"      c: {url: \"h:1\"}\n" +
		"      d: {url: \"http://h\"}\n" +
		"      e: {url: \"http://h:1/\"}\n" +
		"      f: {url: \"http://u@h:1\"}\n" +
		"      g: {url: \"http://:1\"}\n" +
		"      h: {url: \"http://h:0\"}\n" +
		"      i: {url: \"http://h:1?\"}\n" +
		"      j: {url: \"http://[::1\"}\n" +
		"      k: {url: \"http://h_1:1#\"}\n", []string{
		`3:3: pools.a.backends: is missing; write it like backends: {a: {url: "http://127.0.0.1:9001"}}`,
		`4:7: pools.b.backends: a pool needs at least one backend; write it like backends: {a: {url: "http://127.0.0.1:9001"}}`,
		`7:7: pools.c.backends.a.url: is missing; write it like url: "http://127.0.0.1:9001"`,
		`8:16: pools.c.backends.b.url: https to backends is not supported; use http`,
		`9:16: pools.c.backends.c.url: "h:1" is not an http URL; write it like "http://127.0.0.1:9001"`,
		`10:16: pools.c.backends.d.url: "http://h" has no port; write "http://h:80"`,
		`11:16: pools.c.backends.e.url: a backend URL ends after the port; write "http://h:1"`,
		`12:16: pools.c.backends.f.url: a backend URL has no user or password; write it like "http://127.0.0.1:9001"`,
		`13:16: pools.c.backends.g.url: "http://:1" has no host; write it like "http://127.0.0.1:9001"`,
		`14:16: pools.c.backends.h.url: port 0 is out of range; write one from 1 to 65535`,
		`15:16: pools.c.backends.i.url: a backend URL ends after the port; write "http://h:1"`,
		`16:16: pools.c.backends.j.url: "http://[::1" is not a URL; write it like "http://127.0.0.1:9001"`,
		`17:16: pools.c.backends.k.url: a backend URL ends after the port; write "http://h_1:1"`}},
	{"too many backends", "version: 1\npools:\n  a: {backends: {" + manyBackends(200) + "}}\n  b: {backends: {" + manyBackends(57) + "}}\n", []string{
		`2:1: pools: 257 backends are too many for all pools together; at most 256`}},
	{"too many routes", "version: 1\nlisteners:\n  a:\n    address: :1\n    routes:\n" + strings.Repeat("      - {}\n", 4097), []string{
		`5:5: listeners.a.routes: 4097 routes are too many; at most 4096`}},
	{"windows line ends and a byte order mark", "\ufeffversion: 1\r\nlistners: {}\r\n", []string{
		`2:1: listners: unknown key, did you mean "listeners"?`}},
	{"columns count characters", "version: 1\nlisteners: {a: {address: \":1\", routes: [{match: \"/\u00e4\u20ac\", respond: {bdy: x}}]}}\n", []string{
		`2:66: listeners.a.routes.0.respond.bdy: unknown key, did you mean "body"?`}},
}

func manyBackends(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "b%d: {url: \"http://h:1\"}, ", i)
	}
	return b.String()
}

func TestEveryMistakeIsNamedWithItsPlace(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			c, err := config.Parse("my.yaml", []byte(m.text))
			if err == nil {
				t.Fatalf("accepted:\n%s", c.YAML())
			}
			var want []string
			for _, line := range m.want {
				want = append(want, "my.yaml:"+line)
			}
			if got := err.Error(); got != strings.Join(want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
			}
		})
	}
}

func TestErrorsCarryTheirParts(t *testing.T) {
	_, err := config.Parse("my.yaml", []byte("version: 1\ndefaults:\n  timeouts:\n    raed: 1s\n"))
	var one *config.Error
	if !errors.As(err, &one) {
		t.Fatalf("got %T, want *config.Error within", err)
	}
	want := config.Error{
		File: "my.yaml", Path: "defaults.timeouts.raed", Line: 4, Column: 5,
		Message: "unknown key", Hint: `did you mean "read"?`,
	}
	if *one != want {
		t.Errorf("got %+v, want %+v", *one, want)
	}
	_, err = config.Parse("", []byte("version: 3\n"))
	if got, want := err.Error(), "line 1:10: version: version 3 of the schema is not known; write version: 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHopelessFilesDoNotFloodTheReader(t *testing.T) {
	var b strings.Builder
	b.WriteString("version: 1\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := config.Parse("my.yaml", []byte(b.String()))
	var all config.Errors
	if !errors.As(err, &all) || len(all) != 1001 {
		t.Fatalf("got %d errors, want 1000 and a note", len(all))
	}
	if got, want := all[1000].Error(), "my.yaml: there are more errors than listed here"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNothingButTheVersionIsNeeded(t *testing.T) {
	c := parsed(t, "version: 1\n")
	if !c.Equal(config.New()) || !c.Equal(nil) {
		t.Errorf("differs from New: %v", config.Diff(c, nil))
	}
	if c.Listeners == nil || c.Pools == nil {
		t.Error("maps are nil")
	}
}

func TestListenersInherit(t *testing.T) {
	c := parsed(t, `
version: 1
listeners:
  plain: {address: ":1"}
  own: {address: ":2", timeouts: {idle: 7s}, keep_alive: {enabled: true}, enabled: false}
defaults:
  timeouts: {idle: 30s, read: 1m}
  keep_alive: {enabled: false}
`)
	for path, want := range map[string]string{
		"defaults.timeouts.idle":             "30s",
		"listeners.plain.timeouts.idle":      "30s",
		"listeners.plain.timeouts.read":      "1m0s",
		"listeners.plain.timeouts.write":     "10s",
		"listeners.plain.keep_alive.enabled": "false",
		"listeners.plain.keep_alive":         "{enabled: false, period: 3m0s, max_conns: 0}",
		"listeners.plain.limits":             "{max_header_bytes: 16KiB, max_connections: 10000, max_request_bytes: 10MiB, accept_rate: 0, min_rate: {rate: 240, grace: 5s}}",
		"listeners.plain.enabled":            "true",
		"listeners.plain.protocol":           "http",
		"listeners.plain.prefork":            "{workers: 0, steering: auto, hang_timeout: 10s, orphan_timeout: 1m0s, recycle: {max_requests: 0, max_age: 0s, max_memory: 0}}",
		"listeners.plain.routes":             "[]",
		"listeners.own.timeouts.idle":        "7s",
		"listeners.own.timeouts.read":        "1m0s",
		"listeners.own.keep_alive.enabled":   "true",
		"listeners.own.enabled":              "false",
		"listeners.own.address":              ":2",
		"version":                            "1",
		"pools":                              "{}",
	} {
		if got, ok := c.Get(path); !ok || got != want {
			t.Errorf("%s: got %q, %v, want %q", path, got, ok, want)
		}
	}
	for _, path := range []string{"", "nope", "listeners.nope", "listeners.own.tls", "listeners.own.address.x", "listeners.own.routes.0", ".", "defaults."} {
		if got, ok := c.Get(path); ok {
			t.Errorf("%q: got %q, want nothing", path, got)
		}
	}
}

func TestTextsNeedNoQuotes(t *testing.T) {
	c := parsed(t, `
version: 1
listeners:
  on:
    address: :8080
    routes:
      - match: /
        respond:
          headers: {Retry-After: 120, X-Null: "", X-Long: a; b=c}
          body: |
            two
            lines
      - {match: /b, respond: {body: true}}
      - {match: /c, respond: {body: 1.50}}
      - {match: /d, respond: {body: "null"}}
`)
	var got []string
	for _, r := range c.Listeners["on"].Routes {
		got = append(got, r.Respond.Body)
	}
	if want := "[two\nlines\n true 1.50 null]"; fmt.Sprint(got) != want {
		t.Errorf("bodies: got %q, want %q", got, want)
	}
	if got, want := fmt.Sprint(c.Listeners["on"].Routes[0].Respond.Headers), "map[Retry-After:120 X-Long:a; b=c X-Null:]"; got != want {
		t.Errorf("headers: got %s, want %s", got, want)
	}
	if again := parsed(t, string(c.YAML())); !again.Equal(c) {
		t.Errorf("YAML says something else: %v\n%s", config.Diff(c, again), c.YAML())
	}
}

func TestFileRootsAreRelativeToTheFile(t *testing.T) {
	const text = "version: 1\nlisteners: {a: {address: \":1\", routes: [{match: /, files: {root: ./public}}, {match: /x, files: {root: /abs}}]}}\n"
	dir := t.TempDir()
	file := filepath.Join(dir, "my.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Listeners["a"].Routes[0].Files.Root, filepath.Join(dir, "public"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !strings.Contains(string(c.YAML()), "root: ./public") {
		t.Errorf("not as written:\n%s", c.YAML())
	}
	again, err := config.Parse(file, c.YAML())
	if err != nil || !again.Equal(c) {
		t.Errorf("YAML says something else: %v %v", err, config.Diff(c, again))
	}
	c, err = config.Parse("", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Listeners["a"].Routes[0].Files.Root; got != "./public" {
		t.Errorf("without a file: got %q, want ./public", got)
	}
}

func TestLoadRefusesWhatIsNoConfig(t *testing.T) {
	dir := t.TempDir()
	if _, err := config.Load(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got %v", err)
	}
	if _, err := config.Load(dir); err == nil {
		t.Error("directory: accepted")
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, []byte("version: 1\n#"+strings.Repeat("x", 8<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(big); err == nil || !strings.HasSuffix(err.Error(), "the config is larger than 8MiB") {
		t.Errorf("large file: got %v", err)
	}
}
