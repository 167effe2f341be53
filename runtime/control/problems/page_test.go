package problems

import (
	"fmt"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Page is the page of problems for people, in Markdown, written from Rules:
// docs/problems.md.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Problems

The runtime reports these problems in ` + "`status`" + `, in ` + "`status --json`" + ` (` + "`problems`" + `) and in the cockpit's header.
` + "`rockstar-tui check`" + ` exits with 1 while there is a problem; ` + "`--for live`" + ` checks only that the runtime answers, ` + "`--for ready`" + `
that its listeners serve. This page is generated from the table that finds the problems (` + "`make golden`" + `).

**harm**: clients or changes are affected now. **risk**: they will be unless somebody acts. The most severe come first.

| code | kind | severity | when | message | what to do |
|---|---|---|---|---|---|
`)
	for _, r := range Rules {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s |\n", r.Message, r.Kind, r.Severity, r.When, message.Template(r.Message), message.Template(r.Remedy))
	}
	return b.String()
}
