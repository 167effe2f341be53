// Package words puts numbers into sentences.
package words

import "fmt"

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
