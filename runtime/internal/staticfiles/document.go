package staticfiles

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"path/filepath"
)

// document is one version of a file, and what a response says about it.
type document struct {
	version
	etag         string
	lastModified string // empty where the file system does not know
	kind         string // the Content-Type

	content []byte // all of it, where that is little; never written again
	file    file   // open, where content is nil; such a document is for one response

	closed bool
	giveUp func() // closes file, or lends it to another; nil closes it
}

// inMemory is up to how many bytes a file is read at once, and then sent
// together with the header. More goes from the file to the connection without a
// copy, where the protocol allows that.
const inMemory = 32 << 10

// errChanging says that a file became shorter while it was read.
var errChanging = errors.New("the file is changing")

// newDocument takes an open file, which it closes unless the document needs it.
func newDocument(f file, v version, name string) (*document, error) {
	d := &document{version: v, etag: v.etag(), file: f}
	if v.dated() {
		d.lastModified = v.modified.UTC().Format(http.TimeFormat)
	}
	if v.size <= inMemory {
		content := make([]byte, v.size)
		_, err := f.ReadAt(content, 0)
		f.Close()
		if err == io.EOF {
			err = errChanging
		}
		if err != nil {
			return nil, err
		}
		d.content = content
	}
	if d.kind = mime.TypeByExtension(filepath.Ext(name)); d.kind == "" {
		var first [512]byte // as much as the detection looks at
		n, _ := d.reader().ReadAt(first[:], 0)
		d.kind = http.DetectContentType(first[:n])
	}
	return d, nil
}

// reader reads any part of the document.
func (d *document) reader() io.ReaderAt {
	if d.content != nil {
		return bytes.NewReader(d.content)
	}
	return d.file
}

// close may be called again.
func (d *document) close() {
	switch {
	case d.content != nil || d.closed:
		return
	case d.giveUp != nil:
		d.giveUp()
	default:
		d.file.Close()
	}
	d.closed = true
}
