package page

import (
	"fmt"
	"strings"
	"time"
)

// Left writes how much time is left, to the second: "47s", "2m05s", "1h02m".
func Left(d time.Duration) string {
	d = max(0, d.Round(time.Second))
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
}

// Short leaves out of a path what goes without saying: that it is of a listener.
func Short(path string) string { return strings.TrimPrefix(path, "listeners.") }

// LastWords are the last two words of a path: "timeouts.idle".
func LastWords(path string) string {
	words := strings.Split(path, ".")
	return strings.Join(words[max(0, len(words)-2):], ".")
}
