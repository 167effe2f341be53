package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/term"
	"github.com/mattn/go-isatty"
)

// print writes doc as JSON, or lets text write for people.
func (c *call) print(doc any, text func(*page)) error {
	if c.json {
		return c.printJSON(doc, "  ")
	}
	p := &page{}
	text(p)
	_, err := c.Stdout.Write(p.Bytes())
	return err
}

func (c *call) printJSON(doc any, indent string) error {
	enc := json.NewEncoder(escaping{c.Stdout})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(doc)
}

// terminal reports whether a cockpit can be shown.
func (c *call) terminal() bool { return isTerminal(c.Stdin) && isTerminal(c.Stdout) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// terminalWidth is how many columns stream has: 0 if it is no terminal, 80 if
// the terminal does not know.
func terminalWidth(stream any) int {
	if !isTerminal(stream) {
		return 0
	}
	width, _, err := term.GetSize(stream.(*os.File).Fd())
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// page collects text for people. Whatever is written to it is made safe for a
// terminal: names and messages come from elsewhere.
type page struct{ bytes.Buffer }

// line adds one line.
func (p *page) line(format string, args ...any) {
	p.WriteString(sanitize(strings.TrimRight(fmt.Sprintf(format, args...), " ")))
	p.WriteByte('\n')
}

// table adds rows in columns. The header tells how a column is aligned: to the
// right if its name starts with ">".
func (p *page) table(header string, rows [][]string) {
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
			b.WriteString(pad(sanitize(cell), widths[i], right[i]))
		}
		p.line("%s", b.String())
	}
}

func columnWidths(rows [][]string, columns int) []int {
	widths := make([]int, columns)
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(sanitize(cell)))
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

// sanitize makes what a terminal would obey visible instead: control
// characters, and those that reorder or break lines.
func sanitize(s string) string {
	if strings.IndexFunc(s, obeyed) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if obeyed(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// escaping writes JSON and escapes the control characters that encoding/json
// leaves as they are. They occur within strings only.
type escaping struct{ w io.Writer }

func (e escaping) Write(b []byte) (int, error) {
	var out bytes.Buffer
	for _, r := range string(b) {
		if r != '\n' && obeyed(r) {
			fmt.Fprintf(&out, "\\u%04x", r)
		} else {
			out.WriteRune(r)
		}
	}
	if _, err := e.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}
