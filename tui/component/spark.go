package component

import "strings"

// Spark draws values as a row of bars, one cell each. The highest bar is peak;
// a peak of 0 or less means that of the values. Negative values are unknown
// and stay blank. Cells of which marked says so have the style mark.
func Spark(st *Styles, values []float64, peak float64, marked func(i int) bool) Line {
	if peak <= 0 {
		for _, v := range values {
			peak = max(peak, v)
		}
	}
	var line Line
	for i, v := range values {
		paint := st.Chart
		switch {
		case marked != nil && marked(i):
			paint = st.Bad
		case v <= 0:
			paint = st.Border
		}
		line = append(line, Span{paint, level(st, v, peak)})
	}
	return line
}

// level is the bar of one value. Only nothing looks like nothing: the smallest
// value above zero has the second bar.
func level(st *Styles, v, peak float64) string {
	levels := st.Glyphs.Levels
	switch {
	case v < 0:
		return " "
	case v == 0 || peak <= 0:
		return levels[0]
	}
	top := len(levels) - 1
	return levels[1+min(top-1, int(v/peak*float64(top)))]
}

// Buckets squeezes the newest values of series into n means. newest is the
// number, in an endless count, of the last value: buckets start at multiples of
// their size, so that a bar keeps its height while it moves to the left. span
// is how many values are to be seen. Buckets without a value are -1.
func Buckets(series []float64, newest int64, n, span int) []float64 {
	if n <= 0 {
		return nil
	}
	size := int64(max(1, (span+n-1)/n))
	out := make([]float64, n)
	last := newest / size
	for i := range out {
		out[i] = mean(series, newest, (last-int64(n-1-i))*size, size)
	}
	return out
}

// mean of the values numbered from first on, at most size of them.
func mean(series []float64, newest, first, size int64) float64 {
	sum, count := 0.0, 0
	offset := newest - int64(len(series)) + 1 // number of series[0]
	for k := max(first, offset); k < first+size && k <= newest; k++ {
		sum += series[k-offset]
		count++
	}
	if count == 0 {
		return -1
	}
	return sum / float64(count)
}

// Rule draws a line of width cells that carries titles: "─ 1 Overview ─ 2 Pools ──".
func Rule(st *Styles, titles []Line, right Line, width int) string {
	var p pen
	bar := st.Glyphs.Horizontal
	room := width
	draw := func(n int) {
		p.put(st.Border.on, strings.Repeat(bar, max(0, n)))
		room -= max(0, n)
	}
	draw(1)
	for _, t := range titles {
		if t.Width()+3 > room {
			break
		}
		p.put("", " ")
		t.write(&p, room, "", "")
		p.put("", " ")
		room -= t.Width() + 2
		draw(1)
	}
	if n := right.Width(); n > 0 && n+4 <= room {
		draw(room - n - 3)
		p.put("", " ")
		right.write(&p, n, "", "")
		p.put("", " ")
		room -= n + 2
	}
	draw(room)
	return p.line()
}
