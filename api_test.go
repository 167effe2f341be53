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
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
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

// The comments of a ServerConfig name the defaults that the table of keys has.
func TestDocumentedDefaultsAreThoseOfTheTable(t *testing.T) {
	text, err := os.ReadFile("runtime/serverconfig.go")
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{}
	keys, err := config.Explain("defaults")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		defaults[strings.TrimPrefix(k.Path, "defaults.")] = k.Default
	}
	spelled := map[string]string{"120s": "2m0s", "3m": "3m0s", "4096": "4KiB", "16384": "16KiB", "10 MiB": "10MiB", "no limit": "0"}
	for field, key := range map[string]string{
		"ReadTimeout": "timeouts.read", "ReadHeaderTimeout": "timeouts.read_header", "WriteTimeout": "timeouts.write",
		"RequestTimeout": "timeouts.request", "ResponseTimeout": "timeouts.response", "IdleTimeout": "timeouts.idle",
		"ShutdownTimeout": "timeouts.shutdown", "KeepAlivePeriod": "keep_alive.period", "MaxKeepAliveConns": "keep_alive.max_conns",
		"ReadBufferSize, WriteBufferSize": "buffers.read", "MaxHeaderBytes": "limits.max_header_bytes",
		"MaxConnections": "limits.max_connections", "MaxRequestBytes": "limits.max_request_bytes", "AcceptRate": "limits.accept_rate",
	} {
		m := regexp.MustCompile(`Default\s+(?://\s+)?([^.]+)\.\n\t` + field + ` `).FindSubmatch(text)
		if m == nil {
			t.Errorf("%s: its comment names no default", field)
			continue
		}
		said, want := string(m[1]), strings.TrimSuffix(defaults[key], "s")
		if plain, ok := spelled[said]; ok {
			said = plain
		}
		if strings.TrimSuffix(said, "s") != want {
			t.Errorf("%s: the comment says %q, the table of %s %q", field, m[1], key, defaults[key])
		}
	}
}
