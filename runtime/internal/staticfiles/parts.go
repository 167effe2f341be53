package staticfiles

import (
	"crypto/rand"
	"io"
	"strings"

	"github.com/echterhof/rockstar-tui/listener"
)

// sendParts makes several parts of a file the response body:
// multipart/byteranges of RFC 9110, 14.6.
func sendParts(x listener.Exchange, doc *document, parts []byteRange) {
	boundary := rand.Text()
	body := &partsBody{doc: doc}
	var total int64
	for i, part := range parts {
		head := "\r\n--" + boundary + "\r\nContent-Type: " + doc.kind +
			"\r\nContent-Range: " + part.contentRange(doc.size) + "\r\n\r\n"
		if i == 0 {
			head = strings.TrimPrefix(head, "\r\n")
		}
		body.sources = append(body.sources, strings.NewReader(head), &partReader{f: doc.reader(), at: part.start, left: part.length})
		total += int64(len(head)) + part.length
	}
	end := "\r\n--" + boundary + "--\r\n"
	body.sources = append(body.sources, strings.NewReader(end))
	x.SetHeader("Content-Type", "multipart/byteranges; boundary="+boundary)
	x.SetBodyStream(body, total+int64(len(end)))
}

// partsBody reads one source after the other, and closes the file.
type partsBody struct {
	doc     *document
	sources []io.Reader
}

func (b *partsBody) Read(p []byte) (int, error) {
	for len(b.sources) > 0 {
		n, err := b.sources[0].Read(p)
		if err == io.EOF {
			b.sources, err = b.sources[1:], nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

func (b *partsBody) Close() error { b.doc.close(); return nil }

// partReader reads a part of a file, all of it or it fails.
type partReader struct {
	f        io.ReaderAt
	at, left int64
}

func (r *partReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.f.ReadAt(p[:min(int64(len(p)), r.left)], r.at)
	r.at, r.left = r.at+int64(n), r.left-int64(n)
	switch {
	case n > 0:
		return n, nil
	case err == io.EOF:
		return 0, io.ErrUnexpectedEOF // the file has become shorter
	}
	return 0, err
}
