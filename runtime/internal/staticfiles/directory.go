// Package staticfiles answers requests by the files below a directory, alike on
// every protocol. What to answer is a pure decision about a file and the conditions
// of a request (RFC 9110); Linux opens files so that nothing outside of the root is
// reached, and keeps small ones in memory for as long as they are the same.
package staticfiles

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
)

// Directory serves the files below a root to every protocol: an index for a
// directory, never a listing, and nothing from outside of the root, also not by
// a symbolic link. Every change of a file is seen by the next request.
type Directory struct {
	tree   *tree
	prefix string // of the path that is not part of a file's name, with its slash
	index  string
}

// Open returns the directory at root, of which prefix is the part of a path that
// is no name of a file, with its slash: "/static/" answers /static/a.css by a.css
// below the root. index is the file that answers for a directory.
func Open(root, prefix, index string) (*Directory, error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, fmt.Errorf("files root: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("files root %s is not a directory", root)
	}
	return &Directory{tree: &tree{path: root}, prefix: prefix, index: index}, nil
}

// Serve answers a request.
func (d *Directory) Serve(x listener.Exchange) {
	method := x.Method()
	if method != http.MethodGet && method != http.MethodHead {
		x.SetHeader("Allow", "GET, HEAD")
		fileError(x, http.StatusMethodNotAllowed)
		return
	}
	name, slash, status := d.name(x.Path(), x.RawPath())
	if status != http.StatusOK {
		fileError(x, status)
		return
	}
	doc, err := d.open(name, slash)
	if errors.Is(err, errDirectory) {
		redirectToDirectory(x)
		return
	}
	if err != nil {
		fileError(x, statusOf(err))
		return
	}
	sendFile(x, doc)
}

// open opens the file of that name, or the index of the directory: a slash at
// the end of the path is what tells them apart.
func (d *Directory) open(name string, slash bool) (*document, error) {
	if !slash {
		return d.tree.open(name)
	}
	doc, err := d.tree.open(filepath.Join(name, d.index))
	if err == nil || errors.Is(err, fs.ErrPermission) || isOverload(err) {
		return doc, err
	}
	doc, err = d.tree.open(name)
	if err == nil {
		doc.close()
		return nil, fs.ErrNotExist // a file is no directory
	}
	if errors.Is(err, errDirectory) {
		return nil, fs.ErrPermission // it is there, and is not listed
	}
	return nil, err
}

// name is that of the file below the root, and whether the path ends in a slash.
// A path that has another, shorter spelling names no file: one could not tell
// what a route in front of it protects.
func (d *Directory) name(decoded, raw string) (name string, slash bool, status int) {
	if strings.IndexByte(decoded, 0) >= 0 {
		return "", false, http.StatusBadRequest
	}
	if _, err := url.PathUnescape(raw); err != nil {
		return "", false, http.StatusBadRequest
	}
	name, ok := strings.CutPrefix(decoded, d.prefix)
	if !ok {
		return "", false, http.StatusNotFound
	}
	if name == "" {
		return ".", true, http.StatusOK
	}
	name, slash = strings.CutSuffix(name, "/")
	if !fs.ValidPath(name) || name == "." {
		return "", false, http.StatusNotFound
	}
	name, err := filepath.Localize(name)
	if err != nil { // no file of this system can have the name
		return "", false, http.StatusNotFound
	}
	return name, slash, http.StatusOK
}

// redirectToDirectory leads to the path with a slash, below which relative links
// are meant. It names the last segment alone, as it was sent, and the client
// completes it: what a proxy in front has taken away stays in place. The dot
// keeps a colon from being read as a scheme.
func redirectToDirectory(x listener.Exchange) {
	raw := x.RawPath()
	target := "./" + raw[strings.LastIndexByte(raw, '/')+1:] + "/"
	if query := x.Query(); query != "" {
		target += "?" + query
	}
	x.SetHeader("Location", target)
	x.SetStatus(http.StatusMovedPermanently)
}

func statusOf(err error) int {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return http.StatusForbidden
	case isOverload(err):
		return http.StatusServiceUnavailable
	}
	return http.StatusNotFound
}

var fileErrors = map[int]string{
	http.StatusBadRequest:                   "malformed request\n",
	http.StatusForbidden:                    "forbidden\n",
	http.StatusNotFound:                     "404 page not found\n", // as the router says
	http.StatusMethodNotAllowed:             "method not allowed\n",
	http.StatusRequestedRangeNotSatisfiable: "range not satisfiable\n",
	http.StatusServiceUnavailable:           "service unavailable\n",
}

func fileError(x listener.Exchange, status int) {
	x.SetStatus(status)
	x.SetHeader("Content-Type", "text/plain; charset=utf-8")
	x.WriteString(fileErrors[status])
}

// sendFile answers by a file, which it closes.
func sendFile(x listener.Exchange, doc *document) {
	var c conditions
	x.RequestHeaders(c.add)
	status, parts := decide(x.Method(), c, doc.version, doc.etag)
	x.SetStatus(status)
	switch status {
	case http.StatusNotModified, http.StatusPreconditionFailed:
		doc.close()
		x.SetHeader("ETag", doc.etag)
		return
	case http.StatusRequestedRangeNotSatisfiable:
		doc.close()
		x.SetHeader("Content-Range", "bytes */"+strconv.FormatInt(doc.size, 10))
		fileError(x, status)
		return
	}
	x.SetHeader("Content-Type", doc.kind)
	x.SetHeader("ETag", doc.etag)
	x.SetHeader("Accept-Ranges", "bytes")
	if doc.lastModified != "" {
		x.SetHeader("Last-Modified", doc.lastModified)
	}
	switch len(parts) {
	case 0:
		sendPart(x, doc, byteRange{0, doc.size})
	case 1:
		x.SetHeader("Content-Range", parts[0].contentRange(doc.size))
		sendPart(x, doc, parts[0])
	default:
		sendParts(x, doc, parts)
	}
}

// sendPart makes a part of a file, or all of it, the response body.
func sendPart(x listener.Exchange, doc *document, part byteRange) {
	switch {
	case x.Method() == http.MethodHead:
		doc.close()
		x.SetBodyStream(http.NoBody, part.length)
	case doc.content != nil:
		x.SetBody(doc.content[part.start : part.start+part.length])
	default:
		x.SetBodyStream(&fileBody{doc: doc, f: doc.file.stream(part.start), left: part.length}, part.length)
	}
}

// fileBody is a part of a file. Should the file have become shorter it ends too
// early, upon which the engine breaks the transfer off.
type fileBody struct {
	doc  *document
	f    *os.File // of doc; stands where the part begins
	left int64
}

func (b *fileBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, io.EOF
	}
	n, err := b.f.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// WriteTo shows w a plain file within one limit, which is what lets the kernel send it.
func (b *fileBody) WriteTo(w io.Writer) (int64, error) {
	limited := io.LimitedReader{R: b.f, N: b.left}
	n, err := io.Copy(w, &limited)
	b.left = limited.N
	return n, err
}

func (b *fileBody) Close() error {
	b.doc.close()
	return nil
}
