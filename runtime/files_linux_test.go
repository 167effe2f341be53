package runtime_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Large files stay open for a moment: each response has its own part of its own
// file all the same, and a file that was removed does not stay.
func TestLargeFilesAreServedSideBySide(t *testing.T) {
	dir := t.TempDir()
	s := serveFiles(t, dir)
	content := map[string]string{}
	for i := range 3 {
		name := fmt.Sprintf("large%d.txt", i)
		var b strings.Builder
		for n := range 20000 {
			fmt.Fprintf(&b, "%d %08d\n", i, n)
		}
		content[name] = b.String()
		writeFile(t, filepath.Join(dir, name), b.String())
	}
	for protocol, base := range s.base {
		var all sync.WaitGroup
		for worker := range 8 {
			all.Go(func() {
				for n := range 12 {
					name := fmt.Sprintf("large%d.txt", (worker+n)%3)
					want := content[name]
					r, _ := http.NewRequest("GET", base+"/static/"+name, nil)
					if n%3 == 1 {
						from := worker*1000 + n
						want = want[from : from+100000]
						r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+99999))
					}
					resp, err := s.clients[protocol].Do(r)
					if err != nil {
						t.Error(protocol, err)
						return
					}
					if n%5 == 4 { // gone before the end
						io.CopyN(io.Discard, resp.Body, 10)
						resp.Body.Close()
						continue
					}
					body, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || string(body) != want {
						t.Errorf("%s: %s is answered by %d bytes of %d, %v", protocol, name, len(body), len(want), err)
						return
					}
				}
			})
		}
		all.Wait()
	}
	for name := range content {
		os.Remove(filepath.Join(dir, name))
	}
	eventually(t, "removed files are closed", func() bool { return len(openBelow(dir)) == 0 })
}

// openBelow are the files below dir that this process has open.
func openBelow(dir string) (open []string) {
	all, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, dir+"/") {
			open = append(open, to)
		}
	}
	return open
}
