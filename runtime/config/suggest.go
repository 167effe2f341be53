package config

import (
	"fmt"
	"strings"
)

// suggest hints at the known word that was probably meant, or lists them all
// if there are few.
func suggest(word string, known []string) string {
	if best := nearest(word, known); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	const few = 12
	if len(known) == 0 || len(known) > few {
		return ""
	}
	return "known: " + strings.Join(known, ", ")
}

// nearest is the known word with the fewest typing mistakes in between, at most
// one in three letters; empty if there is none.
func nearest(word string, known []string) string {
	best, fewest := "", max(1, min(len(word), 64)/3)+1
	for _, k := range known {
		if len(word)-len(k) >= fewest || len(k)-len(word) >= fewest {
			continue
		}
		if n := mistakes(strings.ToLower(word), strings.ToLower(k)); n < min(fewest, len(word), len(k)) {
			best, fewest = k, n
		}
	}
	return best
}

// mistakes counts the letters to add, drop, replace, or swap with their
// neighbour to get from a to b.
func mistakes(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
