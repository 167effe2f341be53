package staticfiles

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// lentFor is how long a large file stays open behind a response, for the next
	// one. After that nothing of it is kept: space of a file that was removed comes
	// back, and so does a mount.
	lentFor = time.Second
	// maxLent bounds how many stay open for one route.
	maxLent = 64
)

// openFiles keeps large files open for a moment between two responses: asking
// whether the name still leads to the same unchanged file takes one call, opening
// it takes eight. Each serves one response at a time, because it has one offset.
type openFiles struct {
	mu    sync.Mutex
	idle  map[string][]idleFile
	count int
	timed bool // sweep is due
}

type idleFile struct {
	name  string
	doc   document
	seen  fileState
	since time.Time
}

// take returns an open file that is still the one of that name, nil if there is none.
func (o *openFiles) take(name, path string) *document {
	f, ok := o.pop(name)
	if !ok {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || fileStateOf(&st) != f.seen {
		f.doc.file.Close()
		return nil
	}
	doc := f.doc
	o.lend(f.name, &doc, f.seen)
	return &doc
}

func (o *openFiles) pop(name string) (f idleFile, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	files := o.idle[name]
	if len(files) == 0 {
		return f, false
	}
	last := len(files) - 1
	f, o.count = files[last], o.count-1
	if last == 0 {
		delete(o.idle, name)
	} else {
		o.idle[name] = files[:last]
	}
	return f, true
}

// lend has the file of doc come here when its response is over. name must last.
func (o *openFiles) lend(name string, doc *document, seen fileState) {
	doc.giveUp = func() {
		f := idleFile{name: name, doc: *doc, seen: seen, since: time.Now()}
		f.doc.giveUp, f.doc.closed = nil, false
		if f.doc.file.rewind(0) != nil || !o.put(f) {
			f.doc.file.Close()
		}
	}
}

func (o *openFiles) put(f idleFile) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count >= maxLent {
		return false
	}
	if o.idle == nil {
		o.idle = map[string][]idleFile{}
	}
	o.idle[f.name] = append(o.idle[f.name], f)
	o.count++
	if !o.timed {
		o.timed = true
		time.AfterFunc(lentFor, o.sweep)
	}
	return true
}

// sweep closes what nobody has asked for in time.
func (o *openFiles) sweep() {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	for name, files := range o.idle {
		kept := files[:0]
		for _, f := range files {
			if now.Sub(f.since) < lentFor {
				kept = append(kept, f)
				continue
			}
			f.doc.file.Close()
			o.count--
		}
		if o.idle[name] = kept; len(kept) == 0 {
			delete(o.idle, name)
		}
	}
	if o.timed = o.count > 0; o.timed {
		time.AfterFunc(lentFor/4, o.sweep)
	}
}
