package runtime

import (
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// directory serves files to engines of net/http, as the other handler does to
// that of HTTP/1.1: an index for a directory, never a listing, and nothing from
// outside of the root, also not by a symbolic link.
type directory struct {
	config.Files
	prefix int // of the path that is not part of a file's name, less its slash
}

func (d directory) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	name := "/"
	if len(r.URL.Path) > d.prefix {
		name = r.URL.Path[d.prefix:]
	}
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	if clean == "" {
		clean = "."
	}
	root, err := os.OpenRoot(d.Root) // anew each time: it may be a link that is set to another version
	if err != nil {
		http.Error(w, "cannot open the requested path", http.StatusNotFound)
		return
	}
	defer root.Close()
	d.serve(w, r, root, clean, strings.HasSuffix(name, "/"))
}

// serve serves the file of that name, or the index of the directory.
func (d directory) serve(w http.ResponseWriter, r *http.Request, root *os.Root, name string, slash bool) {
	info, err := root.Stat(name)
	if err == nil && info.IsDir() {
		if !slash {
			redirectToDirectory(w, r)
			return
		}
		name = path.Join(name, d.Index)
		if info, err = root.Stat(name); err != nil {
			http.Error(w, "cannot open the requested path", http.StatusForbidden)
			return
		}
	} else if err == nil && slash {
		err = fs.ErrNotExist
	}
	if err != nil || !info.Mode().IsRegular() { // opening a pipe would wait
		http.Error(w, "cannot open the requested path", http.StatusNotFound)
		return
	}
	f, err := root.Open(name)
	if err != nil {
		http.Error(w, "cannot open the requested path", http.StatusNotFound)
		return
	}
	defer f.Close()
	w.Header().Set("Etag", etag(info))
	http.ServeContent(w, r, name, info.ModTime(), io.ReadSeeker(f))
}

// redirectToDirectory leads to the path with a slash, below which relative links
// are meant. Only one slash begins it: two would name another host.
func redirectToDirectory(w http.ResponseWriter, r *http.Request) {
	target := "/" + strings.TrimLeft(r.URL.EscapedPath(), "/") + "/"
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

func etag(info fs.FileInfo) string {
	return `"` + strconv.FormatInt(info.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36) + `"`
}
