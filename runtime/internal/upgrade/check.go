package upgrade

import (
	"encoding/json"
	"io"
)

// CheckArgument is the argument by which a program is asked, on its standard input,
// whether it can take over from another. It answers by [Check].
const CheckArgument = "__upgrade-check"

// verdict is the answer.
type verdict struct {
	Version string `json:"version"`
	// Tells is true if the program says when it has taken over.
	Tells bool `json:"tells,omitempty"`
}

// Check reads the [State] of a runtime and answers with the version of this program,
// or fails if this program could not go on with it.
func Check(in io.Reader, out io.Writer, version string) error {
	s, err := Read(in)
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(verdict{Version: version, Tells: true})
}
