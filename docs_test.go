package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	fileName = regexp.MustCompile("`([\\w./-]+/[\\w.-]+\\.(go|md|txt|yaml))`")
	picture  = regexp.MustCompile("(?s)```mermaid\n(.*?)```")
)

// TestDocumentedFilesExist: links lead somewhere, and a file that is named by the end
// of its path is there.
func TestDocumentedFilesExist(t *testing.T) {
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != "." && strings.HasPrefix(path, ".") {
			return filepath.SkipDir
		}
		files = append(files, "/"+filepath.ToSlash(path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(files, "\n") + "\n"
	eachPage(t, func(page, text string) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
		for _, m := range fileName.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(all, "/"+m[1]+"\n") {
				t.Errorf("%s names %s, which does not exist", page, m[1])
			}
		}
	})
}

// TestDocumentedPicturesHaveNoSemicolon: it ends a statement of Mermaid, so a picture
// with one in a text is shown as an error.
func TestDocumentedPicturesHaveNoSemicolon(t *testing.T) {
	eachPage(t, func(page, text string) {
		for _, m := range picture.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(m[1]) {
				if strings.Contains(line, ";") {
					t.Errorf("%s: a picture has %q, want no semicolon", page, strings.TrimSpace(line))
				}
			}
		}
	})
}

// eachPage calls do with each page of the documentation.
func eachPage(t *testing.T, do func(page, text string)) {
	t.Helper()
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		do(page, string(text))
	}
}
