package page

import "strings"

// Match reports whether a row with these texts is shown under a pattern: if one
// of them contains it, whatever the case; or with "!" before the pattern, if
// none does. The empty pattern and a "!" alone match everything.
func Match(pattern string, texts ...string) bool {
	want := strings.ToLower(strings.TrimSpace(pattern))
	inverse := strings.HasPrefix(want, "!")
	want = strings.TrimSpace(strings.TrimPrefix(want, "!"))
	if want == "" {
		return true
	}
	for _, t := range texts {
		if strings.Contains(strings.ToLower(t), want) {
			return !inverse
		}
	}
	return inverse
}
