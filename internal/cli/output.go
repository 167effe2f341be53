package cli

import (
	"os"

	"github.com/charmbracelet/x/term"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
)

// print writes doc as JSON, or lets text write for people.
func (c *call) print(doc any, text func(*render.Page)) error {
	if c.json {
		return c.printJSON(doc, "  ")
	}
	p := &render.Page{}
	text(p)
	_, err := c.Stdout.Write(p.Bytes())
	return err
}

func (c *call) printJSON(doc any, indent string) error {
	return render.JSON(c.Stdout, doc, indent)
}

// terminal reports whether a cockpit can be shown.
func (c *call) terminal() bool { return isTerminal(c.Stdin) && isTerminal(c.Stdout) }

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(f.Fd())
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
