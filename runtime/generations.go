package runtime

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// keptGenerations is how long the history is.
const keptGenerations = 50

// generations is the history of the desired state.
type generations struct {
	mu      sync.Mutex
	last    uint64             // number of the newest entry
	running uint64             // number of the one that runs
	entries []packedGeneration // oldest first
}

// load begins with what was kept before.
func (g *generations) load(kept []control.Generation) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries = nil
	for _, e := range kept[max(0, len(kept)-keptGenerations):] {
		g.entries = append(g.entries, packGeneration(e))
	}
	if n := len(kept); n > 0 {
		g.last = kept[n-1].Number
	}
}

// add gives an entry its number and keeps it. It runs from now on, unless it was
// refused. forgotten is the number of the one that had to go, 0 for none.
func (g *generations) add(e control.Generation) (kept control.Generation, forgotten uint64) {
	if e.Changes == nil {
		e.Changes = []config.Change{}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last++
	e.Number = g.last
	if e.Result == control.ResultApplied {
		g.running = e.Number
	}
	g.entries = append(g.entries, packGeneration(e))
	if len(g.entries) <= keptGenerations {
		return e, 0
	}
	oldest := 0
	if g.entries[0].Number == g.running { // however many attempts were refused since
		oldest = 1
	}
	forgotten = g.entries[oldest].Number
	g.entries = slices.Delete(g.entries, oldest, oldest+1)
	return e, forgotten
}

// remember puts an entry into the history, in the state directory too. cfg is
// what runs from now on, nil if the entry is about what was refused. Callers
// hold changeMu.
func (a *App) remember(e control.Generation, cfg *config.Config) uint64 {
	if cfg != nil {
		e.Config = string(cfg.YAML())
	}
	kept, forgotten := a.generations.add(e)
	a.state.write(generationFile(kept.Number), kept)
	if forgotten != 0 {
		a.state.remove(generationFile(forgotten))
	}
	return kept.Number
}

// repeats reports whether the newest entry says the same.
func (g *generations) repeats(e control.Generation) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.entries) == 0 {
		return false
	}
	last := g.entries[len(g.entries)-1]
	return last.Trigger == e.Trigger && last.Result == e.Result && last.Message == e.Message
}

// describe is what there is to carry to another program.
func (g *generations) describe() carriedPast {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := carriedPast{Last: g.last, Running: g.running}
	for _, e := range g.entries {
		all.Entries = append(all.Entries, e.unpack(true))
	}
	return all
}

// current is the number of what runs.
func (g *generations) current() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running
}

// list returns what is asked for, newest first.
func (g *generations) list(q control.HistoryQuery) []control.Generation {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := []control.Generation{}
	for i := len(g.entries) - 1; i >= 0 && len(out) < q.Limit; i-- {
		if q.Number != 0 && g.entries[i].Number != q.Number {
			continue
		}
		e := g.entries[i].unpack(q.Config)
		e.Running = e.Number == g.running
		out = append(out, e)
	}
	return out
}

// History lists what was put into effect or refused, newest first.
func (a *App) History(ctx context.Context, q control.HistoryQuery) ([]control.Generation, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	q, err := q.Effective()
	if err != nil {
		return nil, err
	}
	out := a.generations.list(q)
	if q.Number != 0 && len(out) == 0 {
		return nil, noGeneration(q.Number, "it is not kept, or never was")
	}
	return out, nil
}

func noGeneration(number uint64, why string) *control.Error {
	return &control.Error{Code: control.CodeNotFound,
		Message: fmt.Sprintf("there is no generation %d to be had: %s; see rockstar-tui config history", number, why)}
}

// goBack makes the config of a generation run again. Callers hold changeMu.
func (a *App) goBack(ctx context.Context, action control.Action) (*control.Result, error) {
	if now := a.currentRevision(); action.Base != 0 && action.Base != now {
		return nil, conflictError(action.Base, now, a.lastActor, "")
	}
	to, err := a.generation(action.Generation)
	if err != nil {
		return nil, err
	}
	p := a.planned(to)
	message := fmt.Sprintf("back to generation %d: %s", action.Generation, p.Summary)
	return a.enact(ctx, deed{to: to, trigger: control.TriggerRollback, plan: p, message: message,
		change: control.Change{Actor: action.Actor, Reason: action.Reason}})
}

// generation is the config of an entry that ran.
func (a *App) generation(number uint64) (*config.Config, error) {
	kept := a.generations.list(control.HistoryQuery{Number: number, Limit: 1, Config: true})
	switch {
	case len(kept) == 0:
		return nil, noGeneration(number, "it is not kept, or never was")
	case kept[0].Result != control.ResultApplied:
		return nil, noGeneration(number, "it was refused and never ran")
	}
	to, err := parseConfig(a.view().status.Path, []byte(kept[0].Config))
	if err != nil {
		return nil, invalid(err)
	}
	return to, nil
}
