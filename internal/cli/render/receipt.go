package render

import (
	"bytes"
	"encoding/json"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Outcome is what a command that changes something prints with --json: the result,
// or what else there is to say, and the receipt, nil for none.
type Outcome struct {
	Result any
	*control.Receipt
}

// MarshalJSON writes the fields of both into one object. Where both have one it
// is the result's, but for the number of the receipt.
func (o Outcome) MarshalJSON() ([]byte, error) {
	receipt := o.Receipt
	if receipt == nil { // nothing was changed, or it is not waited for
		receipt = &control.Receipt{Closed: true}
	}
	all := map[string]json.RawMessage{}
	for _, part := range []any{receipt, o.Result, map[string]uint64{"id": receipt.ID}} {
		text, err := json.Marshal(part)
		if err == nil {
			err = json.Unmarshal(text, &all)
		}
		if err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(all)
	return b.Bytes(), err
}
