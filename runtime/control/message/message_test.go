package message_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

func TestTextsAreFilled(t *testing.T) {
	inner := []message.Message{message.New(message.NothingDrains, "web"), message.Plain("disk full")}
	for _, c := range []struct {
		got  message.Message
		want string
	}{
		{message.New(message.LimitOutOfRange, "history", -1, 1000), "history: limit -1 is not between 1 and 1000"},
		{message.New(message.DrainEnded, "web", 1), "web: 1 drain ended, the remaining connections are closed"},
		{message.New(message.DrainExtended, "web", 2, time.Minute), "web: 2 drains extended by 1m0s"},
		{message.New(message.NothingDrains, inner), "web: nothing is draining; disk full: nothing is draining"},
		{message.New(message.NothingDrains, "a{subject}b"), "a{subject}b: nothing is draining"},
	} {
		if c.got.Text != c.want {
			t.Errorf("%s: %q, want %q", c.got.Code, c.got.Text, c.want)
		}
	}
}

func TestMessagesSurviveTheWire(t *testing.T) {
	m := message.New(message.DrainEnded, []message.Message{message.New(message.DrainsAll), message.Plain("x")}, 2)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back message.Message
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("%s came back as %+v, %v", text, back, err)
	}
}

func TestTemplatesAreWellFormed(t *testing.T) {
	for _, code := range message.Codes() {
		text := message.Template(code)
		names := message.NamesIn(text)
		filled := message.New(code, make([]any, len(names))...).Text
		if text == "" || strings.ContainsAny(filled, "{}") || strings.TrimSpace(text) != text {
			t.Errorf("%s: %q", code, text)
		}
		for _, name := range names {
			if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
				t.Errorf("%s: %q is no name for an argument", code, name)
			}
		}
	}
}

// TestCallsFitTheirTexts looks at the source of every package: a call that names a
// text has a value for each of its arguments, and every text is used.
func TestCallsFitTheirTexts(t *testing.T) {
	const root, here = "../../..", "../../../runtime/control/message"
	names := map[string]int{} // of the catalog's variables, with how many arguments each has
	for _, f := range parse(t, here) {
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == 1 {
				if call, ok := v.Values[0].(*ast.CallExpr); ok && isIdent(call.Fun, "text") {
					code, _ := strconv.Unquote(call.Args[0].(*ast.BasicLit).Value)
					names[v.Names[0].Name] = len(message.NamesIn(message.Template(message.Code(code))))
				}
			}
			return true
		})
	}
	used := map[string]bool{}
	for file, f := range parse(t, root) {
		ast.Inspect(f, func(n ast.Node) bool {
			if name := nameOf(n); name != "" {
				used[name] = true
			}
			call, ok := n.(*ast.CallExpr)
			if !ok || call.Ellipsis.IsValid() {
				return true
			}
			for i, arg := range call.Args {
				want, known := names[nameOf(arg)]
				if got := len(call.Args) - i - 1; known && got != want {
					t.Errorf("%s: %d values for %s, which has %d arguments", file, got, nameOf(arg), want)
				}
			}
			return true
		})
	}
	for name := range names {
		if ast.IsExported(name) && !used[name] {
			t.Errorf("nobody says %s", name)
		}
	}
}

// parse the files below a folder that are not tests.
func parse(t *testing.T, root string) map[string]*ast.File {
	t.Helper()
	files := map[string]*ast.File{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files[path], err = parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// nameOf is X for message.X.
func nameOf(n ast.Node) string {
	if s, ok := n.(*ast.SelectorExpr); ok && isIdent(s.X, "message") {
		return s.Sel.Name
	}
	return ""
}

func isIdent(n ast.Node, name string) bool {
	id, ok := n.(*ast.Ident)
	return ok && id.Name == name
}
