package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/echterhof/rockstar-tui/internal/printable"
)

// Page collects text for people, line by line. Lines and cells are made safe for a
// terminal, since names and messages come from elsewhere; what is written to the
// buffer itself is taken as it is.
type Page struct{ bytes.Buffer }

// Line adds one line, without blanks at its end.
func (p *Page) Line(format string, args ...any) {
	p.WriteString(printable.Text(strings.TrimRight(fmt.Sprintf(format, args...), " ")))
	p.WriteByte('\n')
}

// Table adds rows in columns. The header has their names, separated by "|"; a column
// whose name starts with ">" is aligned to the right.
func (p *Page) Table(header string, rows [][]string) {
	names := strings.Split(header, "|")
	right := make([]bool, len(names))
	for i, n := range names {
		names[i], right[i] = strings.TrimPrefix(n, ">"), strings.HasPrefix(n, ">")
	}
	rows = append([][]string{names}, rows...)
	widths := columnWidths(rows, len(names))
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(pad(printable.Text(cell), widths[i], right[i]))
		}
		p.Line("%s", b.String())
	}
}

func columnWidths(rows [][]string, columns int) []int {
	widths := make([]int, columns)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(printable.Text(cell)))
		}
	}
	return widths
}

func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// cut shortens s to so many characters, the last of which then tells of it.
func cut(s string, width int) string {
	s = printable.Text(s)
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-3]) + "..."
}

// JSON writes doc to w, on one line if indent is empty. Characters that a terminal
// would obey are escaped, also those that encoding/json leaves as they are.
func JSON(w io.Writer, doc any, indent string) error {
	enc := json.NewEncoder(escaping{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(doc)
}

// escaping escapes in JSON what [printable.Text] makes visible. It occurs in strings only.
type escaping struct{ w io.Writer }

func (e escaping) Write(b []byte) (int, error) {
	var out bytes.Buffer
	for _, r := range string(b) {
		switch high, low := utf16.EncodeRune(r); {
		case r == '\n' || printable.Rune(r):
			out.WriteRune(r)
		case high != unicode.ReplacementChar:
			fmt.Fprintf(&out, "\\u%04x\\u%04x", high, low)
		default:
			fmt.Fprintf(&out, "\\u%04x", r)
		}
	}
	if _, err := e.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}
