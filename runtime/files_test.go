//go:build unix

package runtime_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fileSite are servers of one directory on every protocol.
type fileSite struct {
	dir     string
	clients map[string]*http.Client
	base    map[string]string
}

// serveFiles serves dir below /static/ on every protocol, and all of it again
// as single files of other patterns.
func serveFiles(t *testing.T, dir string) *fileSite {
	t.Helper()
	cert, key, trust := pair(t)
	var text strings.Builder
	text.WriteString("version: 1\nlisteners:\n")
	for _, protocol := range []string{"http", "http2", "quic"} {
		fmt.Fprintf(&text, "  %s:\n    address: 127.0.0.1:0\n    protocol: %s\n", protocol, protocol)
		if protocol != "http" {
			fmt.Fprintf(&text, "    tls: {cert_file: %q, key_file: %q}\n", cert, key)
		}
		fmt.Fprintf(&text, "    routes: [{match: /static/, files: {root: %[1]q}}, {match: /a.txt, files: {root: %[1]q}}]\n", dir)
	}
	app := open(t, text.String())
	s := &fileSite{dir: dir, clients: map[string]*http.Client{}, base: map[string]string{}}
	for protocol, transport := range transports(t, trust) {
		s.clients[protocol] = &http.Client{
			Transport: transport, Timeout: 20 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		scheme := "https://"
		if protocol == "http" {
			scheme = "http://"
		}
		s.base[protocol] = scheme + info(t, app, protocol).Address
	}
	return s
}

// request sends a request whose path is sent as it is given.
func request(t *testing.T, c *http.Client, base, method, target string, header ...string) *http.Response {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	u.Opaque, u.RawQuery = path, query
	req := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{"Accept-Encoding": {"identity"}}}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatalf("%s %s of %s: %v", method, target, base, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// summary is what of a response must be the same on every protocol.
func summary(resp *http.Response) string {
	body, err := io.ReadAll(resp.Body)
	text := fmt.Sprintf("%d %q", resp.StatusCode, body)
	if err != nil {
		text += " " + err.Error()
	}
	for _, name := range []string{"Accept-Ranges", "Allow", "Content-Length", "Content-Range", "Content-Type", "Etag", "Last-Modified", "Location"} {
		for _, v := range resp.Header[name] {
			if resp.Request.Method == "HEAD" && v == "0" {
				continue // said by HTTP/3 alone
			}
			text += "\n" + name + ": " + v
		}
	}
	return text
}

const fileTime = "Sun, 01 Mar 2026 10:00:00 GMT"

// tree makes a directory of everything that can be met in one.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"a.txt": "0123456789", "empty.txt": "", "page.html": "<p>", "unknown": "<html>", "data.bin": "\x00\x01",
		"sub/index.html": "index", "bare/b.txt": "b", "of/index.html/c.txt": "c", "we ird:%25/index.html": "odd",
		"a:b/index.html": "colon",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
		at, _ := http.ParseTime(fileTime)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "secret")
	writeFile(t, outside, "secret")
	if err := errors.Join(
		os.Symlink(outside, filepath.Join(dir, "escape")),
		os.Symlink("../secret", filepath.Join(dir, "climb")),
		os.Symlink("a.txt", filepath.Join(dir, "link.txt")),
		os.Symlink("loop", filepath.Join(dir, "loop")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
		syscall.Mkfifo(filepath.Join(dir, "bare", "pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return dir
}

const tag = `"dgrcwg69jb40-a"`

// fileCases are requests below /static and the answers to them. same are those
// that http.FileServer answers alike.
var fileCases = []struct {
	method, path string
	header       []string
	want         string
	same         bool
}{
	{"GET", "/a.txt", nil, `200 "0123456789"`, true},
	{"HEAD", "/a.txt", nil, `200 ""`, true},
	{"GET", "/empty.txt", nil, `200 ""`, true},
	{"GET", "/unknown", nil, "200 \"<html>\"\nAccept-Ranges: bytes\nContent-Length: 6\nContent-Type: text/html; charset=utf-8", true},
	{"GET", "/data.bin", nil, `200 "\x00\x01"`, true},
	{"GET", "/link.txt", nil, `200 "0123456789"`, false},
	{"GET", "/sub/", nil, `200 "index"`, true},
	{"GET", "/%61.txt", nil, `200 "0123456789"`, true},
	{"GET", "/sub?q=1&r", nil, "301 \"\"\nContent-Length: 0\nLocation: ./sub/?q=1&r", false},
	{"HEAD", "/sub", nil, "301 \"\"\nLocation: ./sub/", false},
	{"GET", "/we%20ird:%2525", nil, "301 \"\"\nContent-Length: 0\nLocation: ./we%20ird:%2525/", false},
	{"GET", "/a:b", nil, "301 \"\"\nContent-Length: 0\nLocation: ./a:b/", false},
	{"GET", "/none", nil, `404 "404 page not found\n"`, true},
	{"GET", "/a.txt/", nil, `404 "404 page not found\n"`, false},
	{"GET", "/a.txt/x", nil, `404 "404 page not found\n"`, true},
	{"GET", "/a.txt%2F", nil, `404 "404 page not found\n"`, false},
	{"GET", "/bare/", nil, `403 "forbidden\n"`, false},
	{"GET", "/of/", nil, `403 "forbidden\n"`, false},
	{"GET", "/escape", nil, `404 "404 page not found\n"`, false},
	{"GET", "/climb", nil, `404 "404 page not found\n"`, false},
	{"GET", "/loop", nil, `404 "404 page not found\n"`, false},
	{"GET", "/pipe", nil, `404 "404 page not found\n"`, false},
	{"GET", "/bare/pipe", nil, `404 "404 page not found\n"`, false},
	{"GET", "/..%2Fsecret", nil, `400 "`, false},
	{"GET", "/sub%2F..%2Fa.txt", nil, `400 "`, false},
	{"GET", "/sub%2F%2Findex.html", nil, `404 "404 page not found\n"`, false},
	{"GET", "/" + strings.Repeat("n", 300), nil, `404 "404 page not found\n"`, false},
	{"GET", "/a.txt%00", nil, `400 "malformed request\n"`, false},
	{"POST", "/a.txt", nil, "405 \"method not allowed\\n\"\nAllow: GET, HEAD", false},

	{"GET", "/a.txt", []string{"Range", "bytes=2-4"}, "206 \"234\"\nAccept-Ranges: bytes\nContent-Length: 3\nContent-Range: bytes 2-4/10\nContent-Type: text/plain; charset=utf-8\nEtag: TAG\nLast-Modified: " + fileTime, true},
	{"GET", "/a.txt", []string{"Range", "bytes=-3"}, `206 "789"`, true},
	{"GET", "/a.txt", []string{"Range", "bytes=7-"}, `206 "789"`, true},
	{"GET", "/a.txt", []string{"Range", "bytes=7-99999999999999999999"}, `206 "789"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=-99"}, `206 "0123456789"`, true},
	{"GET", "/a.txt", []string{"Range", "bytes= 2 - 4"}, `206 "234"`, true},
	{"GET", "/a.txt", []string{"Range", "Bytes=2-4"}, `206 "234"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=0-8,1-9"}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"Range", "items=2-4"}, `200 "0123456789"`, false},
	{"GET", "/a.txt", []string{"Range", "2-4"}, `200 "0123456789"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=" + strings.Repeat("0-0,", 100)}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"Range", "bytes=10-"}, "416 \"range not satisfiable\\n\"\nContent-Length: 22\nContent-Range: bytes */10", false},
	{"GET", "/a.txt", []string{"Range", "bytes=4-2"}, `416 "range not satisfiable\n"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=-0"}, `416 "range not satisfiable\n"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=+1-2"}, `416 "range not satisfiable\n"`, false},
	{"HEAD", "/a.txt", []string{"Range", "bytes=2-4"}, "200 \"\"\nAccept-Ranges: bytes\nContent-Length: 10", false},
	{"GET", "/empty.txt", []string{"Range", "bytes=0-"}, `200 ""`, true},
	{"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", tag}, `206 "234"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", "W/" + tag}, `200 "0123456789"`, false},
	{"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", `"other"`}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", fileTime}, `206 "234"`, true},
	{"GET", "/a.txt", []string{"Range", "bytes=2-4", "If-Range", "Sun, 01 Mar 2026 10:00:01 GMT"}, `200 "0123456789"`, true},

	{"GET", "/a.txt", []string{"If-None-Match", tag}, "304 \"\"\nEtag: TAG", false},
	{"HEAD", "/a.txt", []string{"If-None-Match", "W/" + tag}, `304 ""`, false},
	{"GET", "/a.txt", []string{"If-None-Match", `"x", ` + tag}, `304 ""`, false},
	{"GET", "/a.txt", []string{"If-None-Match", `"x"`, "If-None-Match", tag}, `304 ""`, false},
	{"GET", "/a.txt", []string{"If-None-Match", "*"}, `304 ""`, false},
	{"GET", "/a.txt", []string{"If-None-Match", `"x"`, "If-Modified-Since", fileTime}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"If-Modified-Since", fileTime}, "304 \"\"\nEtag: TAG", false},
	{"GET", "/a.txt", []string{"If-Modified-Since", "Sun, 01 Mar 2026 09:59:59 GMT"}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"If-Modified-Since", "yesterday"}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"If-Match", tag}, `200 "0123456789"`, false},
	{"GET", "/a.txt", []string{"If-Match", "W/" + tag}, `412 ""`, false},
	{"GET", "/a.txt", []string{"If-Match", `"x"`}, `412 ""`, false},
	{"GET", "/a.txt", []string{"If-Match", "*"}, `200 "0123456789"`, true},
	{"GET", "/a.txt", []string{"If-Match", tag, "If-Unmodified-Since", "Sun, 01 Mar 2026 09:59:59 GMT"}, `200 "0123456789"`, false},
	{"GET", "/a.txt", []string{"If-Unmodified-Since", "Sun, 01 Mar 2026 09:59:59 GMT"}, `412 ""`, false},
	{"GET", "/a.txt", []string{"If-Unmodified-Since", fileTime}, `200 "0123456789"`, true},
	{"GET", "/none", []string{"If-None-Match", "*"}, `404 "404 page not found\n"`, true},
}

// Files are answered alike on every protocol, and as net/http does where that
// follows RFC 9110.
func TestFilesAreTheSameOnEveryProtocol(t *testing.T) {
	dir := tree(t)
	s := serveFiles(t, dir)
	reference := httptest.NewServer(http.StripPrefix("/static", http.FileServer(http.Dir(dir))))
	defer reference.Close()
	stay := &http.Client{CheckRedirect: s.clients["http"].CheckRedirect}
	for _, c := range fileCases {
		var answers []string
		for _, protocol := range []string{"http", "http2", "quic"} {
			got := summary(request(t, s.clients[protocol], s.base[protocol], c.method, "/static"+c.path, c.header...))
			if want := strings.ReplaceAll(c.want, "TAG", tag); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s %s %q is answered by\n%s\nwant\n%s", protocol, c.method, c.path, c.header, got, want)
			}
			answers = append(answers, got)
		}
		if answers[1] != answers[0] || answers[2] != answers[0] {
			t.Errorf("%s %s %q: the protocols differ:\n%s", c.method, c.path, c.header, strings.Join(answers, "\n\n"))
		}
		if !c.same {
			continue
		}
		theirs := summary(request(t, stay, reference.URL, c.method, "/static"+c.path, c.header...))
		if ours := withoutLine(answers[0], "Etag: "); ours != theirs {
			t.Errorf("%s %s %q: net/http answers\n%s\nwe\n%s", c.method, c.path, c.header, theirs, ours)
		}
	}
}

func withoutLine(text, prefix string) string {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return strings.HasPrefix(l, prefix) })
	return strings.Join(lines, "\n")
}

func TestOnePathIsAnsweredByTheFileOfThatName(t *testing.T) {
	s := serveFiles(t, tree(t))
	for protocol, base := range s.base {
		if got := summary(request(t, s.clients[protocol], base, "GET", "/a.txt")); !strings.HasPrefix(got, `200 "0123456789"`) {
			t.Errorf("%s: %s", protocol, got)
		}
	}
}

func TestSeveralPartsOfAFile(t *testing.T) {
	dir := tree(t)
	s := serveFiles(t, dir)
	for protocol, base := range s.base {
		resp := request(t, s.clients[protocol], base, "GET", "/static/a.txt", "Range", "bytes=0-1, 8-, 100-, -1")
		kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
		if err != nil || resp.StatusCode != 206 || kind != "multipart/byteranges" {
			t.Fatalf("%s: %d %s %v", protocol, resp.StatusCode, kind, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.ContentLength != int64(len(body)) {
			t.Errorf("%s: %d bytes of %d: %v", protocol, len(body), resp.ContentLength, err)
		}
		var got []string
		for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
			p, err := r.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(protocol, err)
			}
			content, _ := io.ReadAll(p)
			got = append(got, fmt.Sprintf("%s %s %s", p.Header.Get("Content-Range"), p.Header.Get("Content-Type"), content))
		}
		want := []string{"bytes 0-1/10 text/plain; charset=utf-8 01", "bytes 8-9/10 text/plain; charset=utf-8 89", "bytes 9-9/10 text/plain; charset=utf-8 9"}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", protocol, got, want)
		}
	}
}

// A change of a file is seen by the next request, a root that is a link by where
// it leads now.
func TestChangesOfFilesAreSeenAtOnce(t *testing.T) {
	dir, releases := t.TempDir(), t.TempDir()
	for _, v := range []string{"1", "2"} {
		os.Mkdir(filepath.Join(releases, v), 0o755)
		writeFile(t, filepath.Join(releases, v, "v"), v)
	}
	root := filepath.Join(dir, "current")
	if err := os.Symlink(filepath.Join(releases, "1"), root); err != nil {
		t.Fatal(err)
	}
	s := serveFiles(t, root)
	get := func(protocol, path string) string {
		resp := request(t, s.clients[protocol], s.base[protocol], "GET", path)
		body, _ := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, " ", string(body))
	}
	check := func(what, path, want string) {
		t.Helper()
		for protocol := range s.base {
			if got := get(protocol, path); got != want {
				t.Errorf("%s, %s: got %.40q, want %.40q", protocol, what, got, want)
			}
		}
	}
	small, large := filepath.Join(root, "small"), filepath.Join(root, "large")
	for _, name := range []string{"small", "large"} {
		path, n := filepath.Join(root, name), 10
		if name == "large" {
			n = 100 << 10
		}
		writeFile(t, path, strings.Repeat("a", n))
		check("a new file", "/static/"+name, "200 "+strings.Repeat("a", n))
		writeFile(t, path, strings.Repeat("b", n))
		check("written again", "/static/"+name, "200 "+strings.Repeat("b", n))
		os.Truncate(path, 5)
		check("truncated", "/static/"+name, "200 bbbbb")
	}
	os.Remove(small)
	check("removed", "/static/small", "404 404 page not found\n")
	os.Rename(large, small)
	check("renamed", "/static/small", "200 bbbbb")

	check("the first release", "/static/v", "200 1")
	next := filepath.Join(dir, "next")
	if err := errors.Join(os.Symlink(filepath.Join(releases, "2"), next), os.Rename(next, root)); err != nil {
		t.Fatal(err)
	}
	check("the next release", "/static/v", "200 2")
}

// A file that becomes shorter while it is sent breaks its transfer: it is not
// padded, and its end is not taken for the end of the file.
func TestATruncatedFileBreaksItsTransfer(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "large.bin")
	s := serveFiles(t, dir)
	for protocol, base := range s.base {
		const size = 64 << 20
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		resp := request(t, s.clients[protocol], base, "GET", "/static/large.bin")
		if _, err := io.CopyN(io.Discard, resp.Body, 1<<10); err != nil {
			t.Fatal(protocol, err)
		}
		if err := os.Truncate(path, 1<<10); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err == nil || n >= size-1<<10 {
			t.Errorf("%s: %d bytes and error %v, want an error before the end", protocol, n, err)
		}
	}
}

// On the other protocols the engine resets such a stream before it has a request.
func TestAMalformedEscapeIsRefused(t *testing.T) {
	s := serveFiles(t, tree(t))
	if got := summary(request(t, s.clients["http"], s.base["http"], "GET", "/static/%zz")); !strings.HasPrefix(got, `400 "malformed request\n"`) {
		t.Error(got)
	}
}

// A target may be a whole URL (RFC 9112, 3.2.2); its path is matched as it was sent.
func TestAWholeURLAsTargetIsRoutedByItsPath(t *testing.T) {
	dir := tree(t)
	s := serveFiles(t, dir)
	host := strings.TrimPrefix(s.base["http"], "http://")
	got := summary(request(t, s.clients["http"], s.base["http"], "GET", "http://"+host+"/static/sub%2F..%2Fa.txt"))
	if !strings.HasPrefix(got, "400") {
		t.Errorf("/static/sub%%2F..%%2Fa.txt: %s", got)
	}
}
