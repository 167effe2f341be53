package staticfiles

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// fileCache keeps small files in memory. Each use asks the file system first
// whether the name still leads to the same file and the file is unchanged, which
// takes one call where opening and reading it takes six. It keeps no file open:
// nothing stays on a disk, or a mount busy, because of it.
type fileCache struct {
	mu    sync.RWMutex
	files map[string]cachedFile
	size  int // of all contents and names
}

type cachedFile struct {
	*document
	seen fileState
}

const (
	// maxCached bounds what the files of one route take in memory.
	maxCached = 8 << 20
	// settled is for how long a file must have been left alone: within one tick
	// of the file system's clock, two seconds at most, two writes look like one.
	settled = 3 * time.Second
)

// find returns the document of a name, nil if there is none or it has changed.
func (c *fileCache) find(name, path string) *document {
	c.mu.RLock()
	f, ok := c.files[name]
	c.mu.RUnlock()
	if !ok {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err == nil && fileStateOf(&st) == f.seen {
		return f.document
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files[name].document == f.document {
		c.drop(name)
	}
	return nil
}

// add keeps a document that was read from a file in that state.
func (c *fileCache) add(name string, doc *document, seen fileState) {
	if time.Since(time.Unix(seen.changed.Unix())) < settled {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.files == nil {
		c.files = map[string]cachedFile{}
	}
	c.drop(name)
	for other := range c.files { // in no order
		if c.size < maxCached {
			break
		}
		c.drop(other)
	}
	name = strings.Clone(name)
	c.files[name] = cachedFile{doc, seen}
	c.size += cost(name, doc)
}

// drop forgets a name; mu is held.
func (c *fileCache) drop(name string) {
	if f, ok := c.files[name]; ok {
		delete(c.files, name)
		c.size -= cost(name, f.document)
	}
}

// cost is about what an entry takes.
func cost(name string, doc *document) int { return len(doc.content) + len(name) + 512 }
