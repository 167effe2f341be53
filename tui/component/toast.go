package component

// Tone is how a message is meant.
type Tone int

// Tones of a message.
const (
	Done Tone = iota
	Note
	Problem
)

// Toast is a message that comes and goes.
type Toast struct {
	Tone Tone
	Text string
}

// Lines draws the toast, at most three lines of width cells.
func (t Toast) Lines(st *Styles, width int) []string {
	mark, paint := st.Glyphs.Ready, st.Good
	switch t.Tone {
	case Note:
		mark, paint = st.Glyphs.Degraded, st.Warn
	case Problem:
		mark, paint = st.Glyphs.Failed, st.Bad
	}
	var out []string
	for i, l := range Wrap(t.Text, width-4, 3, st.Glyphs.Ellipsis) {
		if i > 0 {
			mark = " "
		}
		out = append(out, Line{{Paint: paint, Text: " " + mark + " "}, {Paint: st.Strong, Text: l}}.Render(width, st.Glyphs.Ellipsis))
	}
	return out
}
