// Package words has what sentences for people need: numbers of things, the word that
// was probably meant, and what a program said last.
package words

import (
	"fmt"
	"strings"
)

// Count is a number of things, such as "1 worker" or "2 workers". The plural of
// noun is made with s, or with es behind a hiss.
func Count[N int | int64 | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	switch noun[len(noun)-1] {
	case 's', 'x':
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Nearest is the known word with the fewest typing mistakes between it and word, at
// most one in three letters; empty if there is none. Case does not count.
func Nearest(word string, known []string) string {
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

// mistakes counts the letters to add, drop, replace, or swap with their neighbour
// to get from a to b. The libraries of the Levenshtein distance count a swap, the
// most common mistake, as two.
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

// LastLine of what a program has printed: usually it says there why it ended.
func LastLine(output string) string {
	output = strings.TrimSpace(output)
	return output[strings.LastIndexByte(output, '\n')+1:]
}
