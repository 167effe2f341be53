package message

import (
	"maps"
	"slices"
)

// NamesIn is for tests.
var NamesIn = namesIn

// Codes are all that the catalog has, in order.
func Codes() []Code { return slices.Sorted(maps.Keys(english)) }
