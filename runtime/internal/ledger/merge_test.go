package ledger

import (
	"slices"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

const mergeBase = `
version: 1
listeners:
  web:
    address: ":8080"
    prefork: {workers: 4}
    timeouts: {idle: 10s}
    routes: [{match: /, respond: {body: hi}}]
`

// What both sides changed goes to the file, everything else is kept from each.
func TestMerge(t *testing.T) {
	type edits map[string]string
	for name, c := range map[string]struct {
		mine, theirs edits
		want         edits
		dropped      []string
	}{
		"different values": {
			mine:   edits{"listeners.web.prefork.workers": "6"},
			theirs: edits{"listeners.web.timeouts.idle": "20s"},
			want:   edits{"listeners.web.prefork.workers": "6", "listeners.web.timeouts.idle": "20s"},
		},
		"same value differently": {
			mine:    edits{"listeners.web.timeouts.idle": "5s"},
			theirs:  edits{"listeners.web.timeouts.idle": "20s"},
			want:    edits{"listeners.web.timeouts.idle": "20s"},
			dropped: []string{"listeners.web.timeouts.idle"},
		},
		"same value alike": {
			mine:   edits{"listeners.web.timeouts.idle": "20s"},
			theirs: edits{"listeners.web.timeouts.idle": "20s"},
			want:   edits{"listeners.web.timeouts.idle": "20s"},
		},
		"stopped by hand, edited in the file": {
			mine:   edits{"listeners.web.enabled": "false"},
			theirs: edits{"listeners.web.timeouts.read": "3s"},
			want:   edits{"listeners.web.enabled": "false", "listeners.web.timeouts.read": "3s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			base := parse(t, mergeBase)
			to, dropped := Merge(base, with(t, base, c.mine), with(t, base, c.theirs))
			for path, want := range c.want {
				if got, _ := to.Get(path); got != want {
					t.Errorf("%s is %s, want %s", path, got, want)
				}
			}
			if !slices.Equal(dropped, c.dropped) {
				t.Errorf("dropped %q, want %q", dropped, c.dropped)
			}
		})
	}
}

func TestMergeOfARemovedListenerDropsItsOverrides(t *testing.T) {
	base := parse(t, mergeBase)
	mine := with(t, base, map[string]string{"listeners.web.prefork.workers": "6"})
	file := parse(t, "version: 1\nlisteners:\n  other:\n    address: ':8081'\n    routes: [{match: /, respond: {body: hi}}]\n")
	to, dropped := Merge(base, mine, file)
	if !to.Equal(file) || len(dropped) != 1 {
		t.Errorf("dropped %q, want the file as it is and one override dropped", dropped)
	}
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func with(t *testing.T, c *config.Config, edits map[string]string) *config.Config {
	t.Helper()
	var p config.Patch
	for path, value := range edits {
		p = append(p, config.Edit{Path: path, Value: value})
	}
	c, err := c.With(p)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
