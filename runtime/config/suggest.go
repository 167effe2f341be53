package config

import (
	"fmt"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/words"
)

// suggest hints at the known word that was probably meant, or lists them all
// if there are few.
func suggest(word string, known []string) string {
	if best := words.Nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	const few = 12
	if len(known) == 0 || len(known) > few {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}
