package main

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateAPI = flag.Bool("update", false, "write the public API anew")

// documentedNames are what the page "Listeners and Networking API" of the Rockstar
// framework promises to a program that imports package runtime, with what their
// signatures need.
var documentedNames = []string{
	"App", "ConnectionPool", "ConnectionPoolConfig", "ConnectionPoolStats", "Context",
	"CreateListener", "FrameworkConfig", "GetPlatformInfo", "HTTPError", "HandlerFunc", "Listener",
	"ListenerConfig", "Middleware", "NetworkClient", "NetworkClientConfig", "New",
	"NewConnectionPool", "NewNetworkClient", "NewRateLimitedListener", "PlatformInfo",
	"RateLimitedListener", "Router", "Server", "ServerConfig", "ServerStats", "StatusError",
}

// controllerMethods are those that an App has as a control.Controller, whose
// contract suite holds them.
var controllerMethods = []string{"Act", "Apply", "Config", "Connections", "History", "Plan", "Read", "Snapshot", "Watch"}

// TestDocumentedAPIStays compares the signatures, fields and methods of these names
// with a golden text. They have to be declared in package runtime itself: an alias
// would show neither fields nor methods on a page of documentation.
func TestDocumentedAPIStays(t *testing.T) {
	const golden = "testdata/api.txt"
	got := publicAPI(t, "runtime", documentedNames)
	if *updateAPI {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	old, now := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for _, line := range old {
		if !slices.Contains(now, line) {
			t.Errorf("is gone:  %s", line)
		}
	}
	for _, line := range now {
		if !slices.Contains(old, line) {
			t.Errorf("is new:   %s", line)
		}
	}
	t.Errorf("the public API differs from %s; if it is meant to: go test . -run TestDocumentedAPIStays -update", golden)
}

// publicAPI prints the exported declarations of the package in dir that belong to
// names, sorted, without bodies and comments.
func publicAPI(t *testing.T, dir string, names []string) string {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, decl := range file.Decls {
			for _, node := range exported(decl, names) {
				texts = append(texts, source(t, fset, node))
			}
		}
	}
	slices.Sort(texts)
	return strings.Join(texts, "\n") + "\n"
}

// exported are those parts of decl that belong to names, without bodies.
func exported(decl ast.Decl, names []string) []ast.Node {
	var nodes []ast.Node
	switch d := decl.(type) {
	case *ast.FuncDecl:
		owner, method := d.Name.Name, ""
		if d.Recv != nil {
			owner, method = receiver(d.Recv.List[0].Type), d.Name.Name
		}
		if slices.Contains(names, owner) && (owner != "App" || !slices.Contains(controllerMethods, method)) {
			d.Body = nil
			if d.Recv != nil {
				d.Recv.List[0].Names = nil
			}
			nodes = append(nodes, d)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if s, ok := spec.(*ast.TypeSpec); ok && slices.Contains(names, s.Name.Name) {
				nodes = append(nodes, &ast.GenDecl{Tok: token.TYPE, Specs: []ast.Spec{s}})
			}
		}
	}
	return nodes
}

// receiver is the name of a method's type.
func receiver(typ ast.Expr) string {
	if p, ok := typ.(*ast.StarExpr); ok {
		typ = p.X
	}
	return typ.(*ast.Ident).Name
}

// source writes a declaration as gofmt does, without empty lines.
func source(t *testing.T, fset *token.FileSet, node ast.Node) string {
	t.Helper()
	var b bytes.Buffer
	c := printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 8}
	if err := c.Fprint(&b, fset, node); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), "\n\n", "\n")
}
