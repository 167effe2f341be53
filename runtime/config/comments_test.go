package config_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// The table of keys has the defaults, and the comments of the fields repeat them for
// those who read the documentation of the package.
func TestCommentsNameTheDefaultsOfTheTable(t *testing.T) {
	t.Parallel()
	comments := fieldComments(t, "config.go")
	defaults := map[string]string{}
	keys, err := config.Explain("")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		defaults[k.Path] = k.Default
	}
	checked := 0
	var visit func(typ reflect.Type, path string)
	visit = func(typ reflect.Type, path string) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			visit(typ.Elem(), path)
		case reflect.Map:
			visit(typ.Elem(), path+".*")
		case reflect.Struct:
			for f := range typ.Fields() {
				at := path
				switch name, _, _ := strings.Cut(f.Tag.Get("json"), ","); {
				case name != "" && name != "-":
					at = strings.TrimPrefix(path+"."+name, ".")
				case !f.Anonymous:
					continue
				}
				if said := named(comments[typ.Name()+"."+f.Name]); said != "" && defaults[at] != "" {
					checked++
					if !same(said, defaults[at]) {
						t.Errorf("%s.%s: the comment says %q, the table of %s %q", typ.Name(), f.Name, said, at, defaults[at])
					}
				}
				visit(f.Type, at)
			}
		}
	}
	visit(reflect.TypeFor[config.Config](), "")
	if checked < 30 {
		t.Errorf("only %d defaults were compared", checked)
	}
}

// fieldComments of the structs in a file, by Type.Field.
func fieldComments(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, name := range field.Names {
					comments[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(field.Doc.Text()), " ")
				}
			}
		}
		return false
	})
	return comments
}

var nameOfDefault = regexp.MustCompile(`(?:[Dd]efault "?([^" ,]+?)"?(?:[., ]|$))|(?:([0-9a-z_"]+),? \(?(?:the )?default[,)])`)

// named is the default that a comment names, "" if it does not.
func named(comment string) string {
	m := nameOfDefault.FindStringSubmatch(comment)
	if m == nil {
		return ""
	}
	return strings.Trim(m[1]+m[2], `"`)
}

func same(a, b string) bool {
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	return a == b || errX == nil && errY == nil && x == y
}
