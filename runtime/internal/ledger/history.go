package ledger

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// history of the desired state. It is never changed, only replaced.
type history struct {
	last    uint64   // the highest number given so far
	entries []packed // oldest first
}

// Past is the history as one program hands it to the next.
type Past struct {
	// Last is the highest number given so far, Running the one that runs.
	Last    uint64 `json:"last"`
	Running uint64 `json:"running"`
	// Entries with their configs, oldest first.
	Entries []control.Generation `json:"entries"`
}

// historyOf goes on with what was kept before.
func historyOf(kept []control.Generation, keep int) history {
	kept = slices.Clone(kept)
	for i := range kept {
		if kept[i].Number != 0 { // an older program counted both on their own
			kept[i].Revision = kept[i].Number
		}
	}
	slices.SortStableFunc(kept, func(x, y control.Generation) int {
		return cmp.Or(cmp.Compare(x.Revision, y.Revision), cmp.Compare(rank(x), rank(y)))
	})
	var h history
	for _, g := range kept {
		h.last = max(h.last, g.Revision)
	}
	for _, g := range kept[max(0, len(kept)-keep):] {
		h.entries = append(h.entries, pack(g, h.fileFor(g)))
	}
	return h
}

// rank puts attempts at a generation behind it.
func rank(g control.Generation) int {
	if g.Number == 0 {
		return 1
	}
	return 0
}

// fileFor is the name of the file that keeps an entry. Attempts at the same
// generation are numbered, from 1 on.
func (h history) fileFor(g control.Generation) string {
	if g.Number != 0 {
		return GenerationFile(g.Number)
	}
	highest := 0
	for _, e := range h.entries {
		if number, k, ok := refusedNumbers(e.file); ok && number == g.Revision {
			highest = max(highest, k)
		}
	}
	return refusedFile(g.Revision, highest+1)
}

// add appends an entry and forgets the oldest one if there are more than keep;
// the one that runs stays. It returns the names of both files.
func (h history) add(e control.Generation, running uint64, keep int) (to history, file, forgotten string) {
	file = h.fileFor(e)
	to = history{last: max(h.last, e.Revision), entries: append(slices.Clone(h.entries), pack(e, file))}
	if len(to.entries) <= keep {
		return to, file, ""
	}
	oldest := 0
	if to.entries[0].isApplied() && to.entries[0].Number == running { // however many attempts were refused since
		oldest = 1
	}
	forgotten = to.entries[oldest].file
	to.entries = slices.Delete(to.entries, oldest, oldest+1)
	return to, file, forgotten
}

// replace puts another entry in the place of one.
func (h history) replace(i int, g control.Generation) history {
	h.entries = slices.Clone(h.entries)
	h.entries[i] = pack(g, h.entries[i].file)
	return h
}

func (p packed) isApplied() bool { return p.Result == control.ResultApplied }

// repeats reports whether the newest entry says the same.
func (h history) repeats(e control.Generation) bool {
	if len(h.entries) == 0 {
		return false
	}
	last := h.entries[len(h.entries)-1]
	return last.Trigger == e.Trigger && last.Result == e.Result && last.Message == e.Message
}

// find is the index of the entry of that number; -1 if there is none.
func (h history) find(number uint64) int {
	return slices.IndexFunc(h.entries, func(e packed) bool { return number != 0 && e.Number == number })
}

// History lists what was put into effect or refused, the newest first.
func (v *View) History(q control.HistoryQuery) ([]control.Generation, error) {
	q, err := q.Effective()
	if err != nil {
		return nil, err
	}
	out := []control.Generation{}
	if q.Number != 0 {
		i := v.history.find(q.Number)
		if i < 0 {
			return nil, noGeneration(q.Number, message.NotKept)
		}
		return append(out, v.entry(v.history.entries[i], q.Config)), nil
	}
	for _, e := range slices.Backward(v.history.entries) {
		if len(out) == q.Limit {
			break
		}
		out = append(out, v.entry(e, q.Config))
	}
	return out, nil
}

func (v *View) entry(e packed, withConfig bool) control.Generation {
	g := e.unpack(withConfig)
	g.Running = e.isApplied() && g.Number == v.Generation
	return g
}

// Past is the history with all that is kept of it.
func (v *View) Past() Past {
	past := Past{Last: v.history.last, Running: v.Generation}
	for _, e := range v.history.entries {
		past.Entries = append(past.Entries, e.unpack(true))
	}
	return past
}

// GenerationConfig is the text of a config that ran; not found if it is not kept,
// or did not run.
func (v *View) GenerationConfig(number uint64) (string, error) {
	i := v.history.find(number)
	switch {
	case i < 0:
		return "", noGeneration(number, message.NotKept)
	case !v.history.entries[i].isApplied():
		return "", noGeneration(number, message.NeverRan)
	}
	return string(inflated(v.history.entries[i].config)), nil
}

// lastGood lists what ran and was not on trial, or was confirmed, the newest first.
func (v *View) lastGood() (out []control.Generation) {
	for _, e := range slices.Backward(v.history.entries) {
		if e.isApplied() && (e.Trigger != control.TriggerTrial || e.Confirmed != nil) {
			out = append(out, e.unpack(true))
		}
	}
	return out
}

func noGeneration(number uint64, why message.Code) *control.Error {
	return control.Fail(control.CodeNotFound, message.NoGeneration, number, message.New(why))
}

// GenerationPrefix and RefusedPrefix begin the names of the files that keep the
// history in the state directory. Older programs do not read the second kind.
const (
	GenerationPrefix = "generation-"
	RefusedPrefix    = "refused-"
)

// GenerationFile is the name of the file that keeps the entry of that number.
func GenerationFile(number uint64) string {
	return fmt.Sprintf(GenerationPrefix+"%010d.json", number)
}

// refusedFile is that of the k-th refused attempt at a generation.
func refusedFile(generation uint64, k int) string {
	return fmt.Sprintf(RefusedPrefix+"%010d-%d.json", generation, k)
}

func refusedNumbers(file string) (generation uint64, k int, ok bool) {
	_, err := fmt.Sscanf(file, RefusedPrefix+"%d-%d.json", &generation, &k)
	return generation, k, err == nil && refusedFile(generation, k) == file
}

// DecodeGeneration reads an entry of the history from the content of the file of
// that name. It must be what the name says. An error that is [ErrNotOurs] means
// that no runtime writes files of such a name.
func DecodeGeneration(name string, data []byte) (g control.Generation, err error) {
	var number uint64
	generation, _, isAttempt := refusedNumbers(name)
	if _, err := fmt.Sscanf(name, GenerationPrefix+"%d.json", &number); !isAttempt && (err != nil || GenerationFile(number) != name || number == 0) {
		return g, ErrNotOurs
	}
	if err := json.Unmarshal(data, &g); err != nil {
		return g, err
	}
	switch {
	case g.Number != number:
		return g, fmt.Errorf("it is number %d and not %d", g.Number, number)
	case isAttempt && g.Revision != generation:
		return g, fmt.Errorf("it is an attempt at generation %d and not %d", g.Revision, generation)
	case g.Result != control.ResultApplied && g.Result != control.ResultRefused || isAttempt && g.Result != control.ResultRefused:
		return g, fmt.Errorf("its result is %q", g.Result)
	case g.Result == control.ResultApplied && strings.TrimSpace(g.Config) == "":
		return g, errors.New("it holds no config")
	}
	if g.Changes == nil {
		g.Changes = []config.Change{}
	}
	return g, nil
}

// ErrNotOurs is returned for a file that no runtime writes.
var ErrNotOurs = errors.New("not a file of the history")
