package listener

import (
	"bytes"
	"testing"
)

// FuzzGate lets bytes pass whole and in pieces: where they are cut must not
// matter, and what passes must be free of what two servers read differently.
func FuzzGate(f *testing.F) {
	for _, s := range []string{
		"GET / HTTP/1.1\r\nHost: t\r\n\r\nGET / HTTP/1.1\r\nHost: t\r\n\r\n",
		"\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\nHost: t\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n\r\r",
		"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET /",
	} {
		f.Add([]byte(s), uint8(3), uint16(1000))
		f.Add([]byte(s), uint8(1), uint16(20))
	}
	f.Fuzz(func(t *testing.T, input []byte, piece uint8, maxHeader uint16) {
		whole, cut := framingParser{on: true}, framingParser{on: true}
		n := whole.pass(input, int(maxHeader))
		if n < len(input) && whole.refused == 0 {
			t.Fatalf("%d of %d bytes passed, refused with %d", n, len(input), whole.refused)
		}
		var m int
		for m < len(input) && cut.refused == 0 {
			end := min(m+int(piece)+1, len(input))
			m += cut.pass(input[m:end], int(maxHeader))
		}
		whole.n, cut.n = 0, 0 // is counted in pieces
		if n != m || whole != cut {
			t.Fatalf("whole: %d bytes, %+v; in pieces: %d bytes, %+v", n, whole, m, cut)
		}
		header, _, _ := bytes.Cut(bytes.TrimLeft(input[:n], "\r\n"), []byte("\r\n\r\n"))
		for _, wrong := range []string{"\n ", "\n\t", "\x00"} {
			if whole.refused == 0 && bytes.Contains(header, []byte(wrong)) {
				t.Fatalf("%q passed in %q", wrong, header)
			}
		}
	})
}

func BenchmarkGate(b *testing.B) {
	for name, request := range map[string]string{
		"short":   "GET /hello HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
		"browser": "GET /hello HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			g, p := framingParser{on: true}, []byte(request)
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if g.pass(p, 1<<14) != len(p) {
					b.Fatal("refused")
				}
			}
		})
	}
}
