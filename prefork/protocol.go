package prefork

import (
	"fmt"
	"slices"
)

// Master and worker may be of different versions of a program: after an upgrade in
// place, or when a master adopts the workers of one that died. Each side says which
// versions of the protocol it speaks and which features it has beyond them. They use
// the newest version that both speak, and the features that both have.
//
// A change needs a new version only if an older program would misunderstand it. All
// other changes add to the present version: a side ignores fields it does not know,
// and skips frames of a kind it does not know. If such a frame asks for an answer, the
// answer is an error.

// oldest and latest are the versions that this program speaks of what masters and
// workers say to each other and of [Frozen].
const (
	oldest = 2
	latest = 2
)

// featureRefusals: a request of an unknown kind is answered by an error. Programs
// without this feature do not answer it at all.
const featureRefusals = "refusals"

// Capabilities are what one side says of itself. Programs from before there were
// capabilities say nothing or version 2, and speak version 2.
type Capabilities struct {
	// Protocol is the oldest version that it speaks, Latest the newest; 0 for one
	// that speaks that version alone.
	Protocol int `json:"protocol,omitempty"`
	Latest   int `json:"latest,omitempty"`
	// Features that it has beyond what every program of its versions can do.
	Features []string `json:"features,omitempty"`
}

// Ours are the capabilities of this program.
func Ours() Capabilities {
	return Capabilities{Protocol: oldest, Latest: latest, Features: []string{featureRefusals}}
}

// Agree returns what this program, c, and its workers can use together. It fails if
// there is no version that both speak.
func (c Capabilities) Agree(with Capabilities) (Capabilities, error) {
	c, with = c.known(), with.known()
	version := min(c.Latest, with.Latest)
	if version < max(c.Protocol, with.Protocol) {
		return Capabilities{}, fmt.Errorf("the workers speak %s to their master, this program speaks %s", with.versions(), c.versions())
	}
	both := Capabilities{Protocol: version, Latest: version}
	for _, f := range c.Features {
		if slices.Contains(with.Features, f) {
			both.Features = append(both.Features, f)
		}
	}
	return both, nil
}

// known is c with what it does not say.
func (c Capabilities) known() Capabilities {
	if c.Protocol == 0 {
		c.Protocol = 2
	}
	c.Latest = max(c.Latest, c.Protocol)
	return c
}

func (c Capabilities) versions() string {
	if c.Protocol == c.Latest {
		return fmt.Sprintf("version %d", c.Protocol)
	}
	return fmt.Sprintf("versions %d to %d", c.Protocol, c.Latest)
}

// answers reports whether a request of this kind is certain to be answered.
func (c Capabilities) answers(kind string) bool {
	return kind == kindSettings || kind == kindConn || kind == kindCall || slices.Contains(c.Features, featureRefusals)
}

// errUnknown is the answer to a request of an unknown kind.
func errUnknown(f frame) error { return fmt.Errorf("unknown request %q", f.Kind) }
