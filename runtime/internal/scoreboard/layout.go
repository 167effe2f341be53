package scoreboard

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"reflect"
)

// Layout identifies how the scoreboard lies in memory. Programs that differ
// in it cannot read what each other's workers count.
var Layout = layoutOf(reflect.TypeFor[Board]())

// layoutOf is a fingerprint of a type: names, offsets and kinds.
func layoutOf(t reflect.Type) string {
	h := sha256.New()
	writeLayout(h, t)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

func writeLayout(w io.Writer, t reflect.Type) {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			fmt.Fprintf(w, "%s@%d{", f.Name, f.Offset)
			writeLayout(w, f.Type)
			io.WriteString(w, "}")
		}
	case reflect.Array:
		fmt.Fprintf(w, "[%d]", t.Len())
		writeLayout(w, t.Elem())
	default:
		io.WriteString(w, t.Kind().String())
	}
}
