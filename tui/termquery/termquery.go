// Package termquery keeps the terminal libraries from asking the terminal for its
// background colour while the program starts. They do so in an init function,
// in every process that is linked with them, and wait up to five seconds for
// an answer that some terminals never give.
//
// They do not ask in continuous integration, which they know by the variable
// CI. So this package sets it, if it is not set, before they look: Go
// initializes packages in the order of their import paths, as far as imports
// allow. This package imports only the standard library and sorts before those
// of github.com/muesli. Package tui calls [Restore] when all of them are through.
package termquery

import "os"

const variable = "CI"

// wasSet says that this package has set the variable, wasAbsent that there was
// none before, not even an empty one.
var wasSet, wasAbsent bool

func init() {
	value, present := os.LookupEnv(variable)
	if value == "" {
		wasSet, wasAbsent = os.Setenv(variable, "1") == nil, !present
	}
}

// Restore leaves the environment as it was found.
func Restore() {
	switch {
	case wasAbsent:
		os.Unsetenv(variable)
	case wasSet:
		os.Setenv(variable, "")
	}
	wasSet, wasAbsent = false, false
}
