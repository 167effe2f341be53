package ledger

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// packed is an entry of the history whose bulk is compressed: fifty configs of a
// thousand listeners, and what changed in each, are rarely looked at.
type packed struct {
	control.Generation // without Config and Changes
	config, changes    []byte
	file               string // of the state directory
}

func pack(g control.Generation, file string) packed {
	p := packed{Generation: g, file: file}
	changes, err := json.Marshal(g.Changes)
	if err != nil {
		panic("ledger: changes do not marshal: " + err.Error()) // texts always do
	}
	p.config, p.changes = deflated([]byte(g.Config)), deflated(changes)
	p.Config, p.Changes = "", nil
	return p
}

// unpack returns the entry whole, or without its config.
func (p packed) unpack(withConfig bool) control.Generation {
	g := p.Generation
	g.Changes = []config.Change{}
	if err := json.Unmarshal(inflated(p.changes), &g.Changes); err != nil {
		panic("ledger: changes do not unmarshal: " + err.Error()) // they were marshalled here
	}
	if withConfig {
		g.Config = string(inflated(p.config))
	}
	return g
}

func deflated(text []byte) []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestSpeed) // the level is a valid one
	w.Write(text)                                // into memory, which does not fail
	w.Close()
	return bytes.Clone(b.Bytes())
}

func inflated(packed []byte) []byte {
	text, _ := io.ReadAll(flate.NewReader(bytes.NewReader(packed))) // as it was deflated here
	return text
}
