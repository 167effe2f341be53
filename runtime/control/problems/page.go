package problems

import (
	"fmt"
	"strings"
)

// Page is the page of problems for people, in Markdown, written from Rules.
func Page() string {
	var b strings.Builder
	b.WriteString(`# Problems

What a runtime shows as a problem: in ` + "`status`" + `, in ` + "`status --json`" + ` as ` + "`problems`" + `, and in the cockpit's header.
` + "`rockstar-tui check`" + ` exits with 1 while there is one; ` + "`--for live`" + ` asks only whether the runtime answers, ` + "`--for ready`" + `
whether its listeners serve. This page is made from the table that finds them (` + "`make golden`" + `).

**harm**: clients or changes are hurt now. **risk**: they will be if nothing is done. The gravest come first.

| code | kind | severity | when | what it says | what to do |
|---|---|---|---|---|---|
`)
	for _, r := range Rules {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s |\n", r.Code, r.Kind, r.Severity, r.When, r.Message, r.Remedy)
	}
	return b.String()
}
