package request

import (
	"fmt"
	"strings"
)

// Command is the command line that makes the change, with flags behind it. It is
// empty where no single command does.
func (c *Change) Command(flags string) string {
	if c.Generation != 0 && flags == "" {
		return Command(fmt.Sprintf("rollback %d", c.Generation))
	}
	var set, unset []string
	for _, e := range c.Patch {
		if e.Unset {
			unset = append(unset, Quote(e.Path))
		} else {
			set = append(set, Quote(e.Path+"="+e.Value))
		}
	}
	switch {
	case len(set) > 0 && len(unset) > 0 || len(c.Patch) == 0 || len(unset) > 0 && flags != "":
		return ""
	case len(set) > 0:
		return Command("set " + strings.Join(set, " ") + flags)
	}
	return Command("unset " + strings.Join(unset, " ") + flags)
}

// Command is the hint that names the command line for what a button does.
func Command(verb string) string { return "same as: rockstar-tui " + verb }

// Quote is an argument as one would type it in a shell.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._=-/:%+,@", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
