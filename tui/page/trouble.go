package page

import (
	"fmt"
	"strings"

	"github.com/echterhof/rockstar-tui/tui/component"
)

// drains counts the workers that drain.
func (w *Workers) drains() (n int) {
	for _, k := range w.lis.Workers {
		if k.DrainDeadline != nil {
			n++
		}
	}
	return n
}

// underway tells of a restart of all workers, and of what drains and until when.
func (w *Workers) underway(st *component.Styles) []string {
	var out []string
	if r := w.lis.Rolling; r != nil {
		text := fmt.Sprintf(" %s restarting workers one by one: %d of %d done", st.Glyphs.Starting, r.Done, r.Total)
		out = append(out, component.Line{{Paint: st.Warn, Text: text}}.Render(w.width, st.Glyphs.Ellipsis))
	}
	if w.drains() == 0 {
		return out
	}
	open, latest := uint64(0), w.data.Time
	for _, k := range w.lis.Workers {
		if k.DrainDeadline != nil {
			open += k.Connections.Active + k.Connections.Idle
			if k.DrainDeadline.After(latest) {
				latest = *k.DrainDeadline
			}
		}
	}
	text := fmt.Sprintf(" %s %s, closed in %s at most", st.Glyphs.Draining, left(open), Left(latest.Sub(w.data.Time)))
	return append(out, component.Line{{Paint: st.Warn, Text: text}}.Render(w.width, st.Glyphs.Ellipsis))
}

// beneath is what stands under the table in at most room lines. The settings go
// where there is trouble to tell of: they have a page of their own.
func (w *Workers) beneath(st *component.Styles, room int, settings []string) []string {
	const enough = 5 // lines of what a worker printed, with its head
	tale := w.tale(st, room)
	if len(tale) > 0 && room-len(settings) < min(len(tale), enough) {
		return tale[:max(0, min(len(tale), room))]
	}
	tale = w.tale(st, room-len(settings))
	return append(tale[:max(0, min(len(tale), room-len(settings)))], settings...)
}

// tale is what there is to tell of the selected worker, or else of the first one
// in trouble: how often it crashed, how it ended and the end of what it printed.
func (w *Workers) tale(st *component.Styles, room int) []string {
	k := w.selected()
	if k == nil || w.told(k) == "" {
		k = nil
		for _, other := range w.rows {
			if stateOf(st, other.State).glyph != st.Glyphs.Ready && w.told(other) != "" {
				k = other
				break
			}
		}
	}
	if k == nil {
		return nil
	}
	head := component.Line{{Paint: st.Warn, Text: fmt.Sprintf(" %s worker %d: ", st.Glyphs.Degraded, k.ID)}, {Paint: st.Text, Text: w.told(k)}}
	out := []string{"", head.Render(w.width, st.Glyphs.Ellipsis)}
	for _, l := range lastLines(k.LastOutput, min(printedLines, room-len(out))) {
		out = append(out, component.Line{{Paint: st.Muted, Text: "   " + l}}.Render(w.width, st.Glyphs.Ellipsis))
	}
	return out
}

// printedLines is how much is shown of what a worker printed last.
const printedLines = 6

// lastLines are the last lines of a text that say something, at most limit.
func lastLines(text string, limit int) []string {
	var out []string
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, "\r\n \t"); l != "" {
			out = append(out, strings.ReplaceAll(l, "\t", "  "))
		}
	}
	return out[max(0, len(out)-max(0, limit)):]
}

// told is the story of a worker in one line, empty if there is none.
func (w *Workers) told(k *Worker) string {
	var parts []string
	if k.HungSince != nil {
		parts = append(parts, "no heartbeat for "+component.Ago(w.data.age(*k.HungSince))+", gets no new connections, will be replaced")
	}
	if k.Crashes > 0 {
		text := fmt.Sprintf("crashed %d times", k.Crashes)
		if k.Crashes == 1 {
			text = "crashed once"
		}
		if k.CrashesSince != nil {
			text += " within " + component.Ago(w.data.age(*k.CrashesSince))
		}
		parts = append(parts, text)
	}
	if k.LastExit != "" {
		parts = append(parts, "last exit: "+k.LastExit)
	}
	return strings.Join(parts, ", ")
}
