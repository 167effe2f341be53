package scoreboard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
)

// Format is the version of directories. Segments of a lower one are read, too.
const Format = 1

// Layout is the fingerprint of the places of all counters. Programs from before there
// were directories read the segments of nobody whose layout is another one.
var Layout = layoutOf(reflect.TypeFor[segment]())

// Readable tells whether this program can read what processes count that say this of
// their segments.
func Readable(format int, layout string) bool {
	return format > 0 && format <= Format || format == 0 && layout == firstLayout
}

// layoutOf is a fingerprint of a type: names, offsets and kinds.
func layoutOf(t reflect.Type) string {
	h := sha256.New()
	writeLayout(h, t, 0)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// writeLayout writes what lies at an offset; embedded fields belong to what they are
// embedded in.
func writeLayout(w io.Writer, t reflect.Type, at uintptr) {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				writeLayout(w, f.Type, at+f.Offset)
				continue
			}
			fmt.Fprintf(w, "%s@%d{", f.Name, at+f.Offset)
			writeLayout(w, f.Type, 0)
			io.WriteString(w, "}")
		}
	case reflect.Array:
		fmt.Fprintf(w, "[%d]", t.Len())
		writeLayout(w, t.Elem(), 0)
	default:
		io.WriteString(w, t.Kind().String())
	}
}
