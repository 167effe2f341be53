package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of the house: what is larger is hard to find one's way in.
const (
	folderFiles   = 25   // files of a folder, its subfolders and tests not counted
	folderLines   = 5000 // lines of them
	functionLines = 60
	appMethods    = 40 // of runtime.App: it ties the rooms, it does not do their work
)

// roomless are the packages that get their rooms together with the engines.
var roomless = []string{"listener", "prefork"}

func TestFoldersStaySmall(t *testing.T) {
	files, lines := map[string]int{}, map[string]int{}
	eachFile(t, func(path string, set *token.FileSet, f *ast.File) {
		folder := filepath.ToSlash(filepath.Dir(path))
		files[folder]++
		lines[folder] += set.File(f.Pos()).LineCount()
	})
	for folder := range files {
		if slices.Contains(roomless, folder) {
			continue
		}
		if files[folder] > folderFiles || lines[folder] > folderLines {
			t.Errorf("%s has %d files and %d lines, want at most %d and %d: find the rooms in it",
				folder, files[folder], lines[folder], folderFiles, folderLines)
		}
	}
}

func TestFunctionsStayShort(t *testing.T) {
	eachFile(t, func(_ string, set *token.FileSet, f *ast.File) {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			from, to := set.Position(fn.Pos()), set.Position(fn.End())
			if n := to.Line - from.Line + 1; n > functionLines {
				t.Errorf("%s: %s has %d lines, want at most %d", from, fn.Name.Name, n, functionLines)
			}
		}
	})
}

func TestAppTiesAndDoesNotWork(t *testing.T) {
	methods := 0
	eachFile(t, func(path string, _ *token.FileSet, f *ast.File) {
		if filepath.ToSlash(filepath.Dir(path)) != "runtime" {
			return
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil {
				continue
			}
			if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
				if name, ok := star.X.(*ast.Ident); ok && name.Name == "App" {
					methods++
				}
			}
		}
	})
	if methods == 0 || methods >= appMethods {
		t.Errorf("App has %d methods, want some and fewer than %d", methods, appMethods)
	}
}

// eachFile calls do with each Go file of the repository that is no test.
func eachFile(t *testing.T, do func(path string, set *token.FileSet, f *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		do(path, set, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
