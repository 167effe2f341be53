package watch

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks is where the kernel gives up following symbolic links, too.
const maxLinks = 40

// directories lists the directories whose entries decide what path names: the
// one of the file, and the one of every symbolic link on the way to it. Where
// something is missing on the way, the directory it is missing from is the
// last. The names are free of links. In a Kubernetes volume those are the
// mounted directory and the one its ..data points to. Plain directories further
// up are left out, as they are busy ones: their renames are seen by the poll.
func directories(path string) []string {
	var dirs []string
	at, rest := split(path)
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			at = filepath.Dir(at)
			continue
		}
		entry := filepath.Join(at, name)
		fi, err := os.Lstat(entry)
		if err != nil {
			return with(dirs, at)
		}
		if fi.Mode()&fs.ModeSymlink == 0 {
			if len(rest) == 0 {
				return with(dirs, at)
			}
			at = entry
			continue
		}
		dirs = with(dirs, at)
		target, err := os.Readlink(entry)
		if links++; err != nil || links > maxLinks {
			return dirs
		}
		root, names := split(target)
		if root != "" {
			at = root
		}
		rest = slices.Concat(names, rest)
	}
	return with(dirs, at)
}

// split parts a path into its root, "" if it is relative, and its names.
func split(path string) (root string, names []string) {
	path = filepath.FromSlash(path)
	sep := string(filepath.Separator)
	rest := path[len(filepath.VolumeName(path)):]
	if strings.HasPrefix(rest, sep) {
		root = filepath.VolumeName(path) + sep
	}
	for _, name := range strings.Split(rest, sep) {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return root, names
}

func with(dirs []string, dir string) []string {
	if slices.Contains(dirs, dir) {
		return dirs
	}
	return append(dirs, dir)
}
