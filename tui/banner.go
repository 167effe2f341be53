package tui

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/action"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// banners stay for as long as they are true.
func (m *model) banners() []string {
	var out []string
	if text := m.linkText(); text != "" {
		out = append(out, m.banner(m.st.Notice, text))
	}
	if m.data == nil {
		return out
	}
	if m.operator.Ending() != action.NotStopping && !m.lost {
		out = append(out, m.banner(m.st.Notice, "stopping everything: "+words.Count(int(m.data.Open()), "connection")+" left"))
	}
	c := &m.data.Config
	out = append(append(append(out, m.trialBanner()...), m.heldBanner()...), m.upgradeBanner()...)
	if c.State == control.ConfigRefused || c.Fallback != 0 {
		out = append(out, m.refusedBanner()...)
	}
	return out[:min(len(out), max(1, m.height-5))]
}

func (m *model) banner(paint component.Paint, text string) string {
	return component.Line{{Text: " " + text}}.Fill(m.width, m.st.Glyphs.Ellipsis, paint)
}

// linkText tells that what one sees is old, and how old.
func (m *model) linkText() string {
	if !m.lost {
		return ""
	}
	dash := m.st.Glyphs.Dash
	age := m.now.Sub(m.seen.At)
	text := "link lost " + component.Ago(age) + " " + dash + " data is old " + dash + " reconnecting"
	if m.seen.Err != nil {
		text += ": " + m.seen.Err.Error()
	}
	return text
}

// whyLines is how many lines a refused config may take to say why: enough for
// the hint, which comes last, to be read on 80 columns.
const whyLines = 3

// refusedBanner names the first mistake in the config file. Where it is wrong is
// shown as far as there is room, because what would be right matters more.
func (m *model) refusedBanner() []string {
	c := &m.data.Config
	mark := m.st.Glyphs.Failed + " "
	head := fmt.Sprintf("config refused, still running generation %d", m.data.Generation)
	if c.Fallback != 0 {
		head = fmt.Sprintf("config refused at start, generation %d runs instead", c.Fallback)
	}
	if c.Error == nil {
		return []string{m.banner(m.st.Alarm, mark+head)}
	}
	if n := len(c.Error.Details) - 1; n > 0 {
		head += fmt.Sprintf(" (+%d more)", n)
	}
	full, brief := refusal(c.Error, whole), refusal(c.Error, filepath.Base)
	if m.compact() {
		return []string{m.banner(m.st.Alarm, mark+m.fit(1, full, brief))}
	}
	why := m.fit(1, full, m.fit(whyLines, brief, refusal(withoutPath(c.Error), filepath.Base)))
	out := []string{m.banner(m.st.Alarm, mark+head)}
	for _, l := range component.Wrap(why, m.width-4, whyLines, m.st.Glyphs.Ellipsis) {
		out = append(out, m.banner(m.st.Alarm, "  "+l))
	}
	return out
}

func whole(file string) string { return file }

// withoutPath is an error that does not name the key it is about.
func withoutPath(e *control.Error) *control.Error {
	out := *e
	if len(e.Details) > 0 {
		d := e.Details[0]
		d.Path = ""
		out.Details = []control.Detail{d}
	}
	return &out
}

// fit chooses the first text that fits so many lines of a banner, or the last.
func (m *model) fit(lines int, texts ...string) string {
	for _, t := range texts {
		if len(component.Wrap(t, m.width-4, lines+1, "")) <= lines {
			return t
		}
	}
	return texts[len(texts)-1]
}

func refusal(e *control.Error, name func(string) string) string {
	if len(e.Details) == 0 {
		return e.Message
	}
	d := e.Details[0]
	var b strings.Builder
	if d.File != "" {
		fmt.Fprintf(&b, "%s:%d:%d: ", name(d.File), d.Line, d.Column)
	}
	if d.Path != "" {
		b.WriteString(d.Path + ": ")
	}
	b.WriteString(d.Message)
	if d.Hint != "" {
		b.WriteString(", " + d.Hint)
	}
	return b.String()
}

// trialBanner is on every page for as long as a trial is under way: what is
// tried, for how long still, and what becomes of it if nobody does anything.
func (m *model) trialBanner() []string {
	t := m.operator.Trial()
	if t == nil {
		return nil
	}
	left := page.Left(t.Until.Sub(m.data.Time)) + " left"
	if m.lost {
		left = "until " + t.Until.Format(time.TimeOnly)
	}
	head := m.st.Glyphs.Starting + " on trial, " + left
	keys := fmt.Sprintf("%s confirms it, %s rolls it back", m.operator.KeyOf("keep"), m.operator.KeyOf("take-back"))
	if m.compact() {
		return []string{m.banner(m.st.Notice, head+": "+m.tried(t.Changes))}
	}
	if t.Actor != "" {
		head += ", by " + t.Actor
	}
	head += ": " + m.tried(t.Changes)
	if t.Reason != "" {
		head += " (" + t.Reason + ")"
	}
	out := []string{m.banner(m.st.Notice, head)}
	for _, l := range component.Wrap(keys+"; "+m.fate(t), m.width-4, 2, m.st.Glyphs.Ellipsis) {
		out = append(out, m.banner(m.st.Notice, "  "+l))
	}
	if t.Error != "" {
		out = append(out, m.banner(m.st.Alarm, m.st.Glyphs.Failed+" rollback failed, trying again: "+t.Error))
	}
	return out
}

// fate is what becomes of a trial by itself.
func (m *model) fate(t *control.Trial) string {
	text := "unconfirmed, it is rolled back when the time is up"
	if t.Guard != nil {
		text += ", or after " + t.Guard.String()
	}
	if t.Persist {
		text += "; once confirmed, it is written to the file"
	}
	return text
}

// tried names the first value on trial.
func (m *model) tried(changes []config.Change) string {
	if len(changes) == 0 {
		return "a change"
	}
	c := changes[0]
	text := fmt.Sprintf("%s is %s", page.Short(c.Path), action.OrNone(c.To))
	if n := len(changes) - 1; n > 0 {
		text += fmt.Sprintf(" (+%d more)", n)
	}
	return text
}

// heldBanner tells of a save of the config file that waits.
func (m *model) heldBanner() []string {
	h := m.data.Config.Held
	if h == nil {
		return nil
	}
	text := m.st.Glyphs.Degraded + " a config change waits for approval: " + h.Reason
	if m.compact() {
		return []string{m.banner(m.st.Notice, text)}
	}
	then := m.operator.KeyOf("held") + " shows it, to accept or reject"
	if h.Trial {
		then = "it takes effect after the trial; " + m.operator.KeyOf("held") + " shows it"
	}
	return []string{m.banner(m.st.Notice, text), m.banner(m.st.Notice, "  "+then)}
}

// upgradeBanner tells how far an upgrade has come.
func (m *model) upgradeBanner() []string {
	u := m.data.Upgrade
	switch {
	case u.Over():
		return nil
	case u.To == "":
		return []string{m.banner(m.st.Notice, m.st.Glyphs.Starting+" upgrade "+u.State)}
	}
	return []string{m.banner(m.st.Notice, fmt.Sprintf("%s upgrade from %s to %s: %s", m.st.Glyphs.Starting, u.From, u.To, u.State))}
}
