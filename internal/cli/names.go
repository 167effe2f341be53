package cli

import (
	"fmt"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// findListener returns the listener of a name, or an error that says which one
// may have been meant.
func findListener(s *control.Snapshot, name string) (*control.ListenerInfo, error) {
	for i := range s.Listeners {
		if s.Listeners[i].Name == name {
			return &s.Listeners[i], nil
		}
	}
	return nil, &control.Error{
		Code:    control.CodeNotFound,
		Message: fmt.Sprintf("no listener is named %q%s", name, didYouMean(name, listenerNames(s))),
	}
}

func listenerNames(s *control.Snapshot) []string {
	names := make([]string, 0, len(s.Listeners))
	for _, l := range s.Listeners {
		names = append(names, l.Name)
	}
	return names
}

// didYouMean suggests the nearest of the names, if one is near.
func didYouMean(name string, names []string) string {
	best, least := "", 1+len(name)/3
	for _, n := range names {
		if d := distance(name, n); d <= least {
			best, least = n, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to get from a to b.
func distance(a, b string) int {
	before, last, row := []int(nil), []int(nil), firstRow(len(b))
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, make([]int, len(b)+1)
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
	}
	return row[len(b)]
}

func firstRow(n int) []int {
	row := make([]int, n+1)
	for j := range row {
		row[j] = j
	}
	return row
}
