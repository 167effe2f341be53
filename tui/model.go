package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/action"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/feed"
	"github.com/echterhof/rockstar-tui/tui/page"
	"github.com/echterhof/rockstar-tui/tui/term"
)

// model is the root: it hands data, sizes and keys down to the pages, gives
// other keys to the operator, and stacks what asks on top of what shows.
//
// It neither reads a clock nor asks the runtime. Time comes with ticks and
// snapshots; the runtime is asked by commands, whose answers come as messages.
type model struct {
	ctx    context.Context // of the commands
	opts   Options
	ctl    control.Controller
	feed   source
	crash  *crash
	screen *term.Screen // nil where nobody looks

	st       *component.Styles
	moves    *page.Keys
	operator *action.Operator

	width, height int

	// What is known of the runtime.
	seen   *feed.State // the one the data is of
	now    time.Time
	recent []*control.Snapshot // the newest last; for rates
	data   *page.Data          // nil before the first snapshot
	lost   bool

	// The pages, and which is shown.
	overview  *page.Overview
	workers   *page.Workers
	pools     *page.Pools
	events    *page.Events
	config    *page.Config
	past      pastSeen // which history the config page shows
	pastAsked bool     // and no answer has come yet
	tab       int
	inside    bool // of the first tab: the listener instead of the overview
	deeper    bool // and instead of that its settings
	settings  *page.Settings
	ran       runningSeen // which config the settings show

	modals dialog.Stack // what lies on top

	toast   *component.Toast
	toastID int

	// after is tea.Tick; tests have a clock of their own.
	after func(time.Duration, func(time.Time) tea.Msg) tea.Cmd

	outcome Outcome

	tickID    int
	fastTicks int // for which to look more often

	dirty bool
	view  string
	drawn int // how often the view was built
}

// source has the newest snapshot, and gets it more often on request.
type source interface {
	Newest() *feed.State
	SetFast(fast bool)
}

// Messages are what happened.
type (
	tickMsg struct {
		id int
		at time.Time
	}
	toastOverMsg struct{ id int }
)

func newModel(ctx context.Context, opts Options, st *component.Styles, src source, c *crash) *model {
	moves := page.MoveKeys(st.Glyphs.Up, st.Glyphs.Down)
	m := &model{
		ctx: ctx, opts: opts, ctl: opts.controller, feed: src, crash: c,
		st: st, moves: moves,
		overview: page.NewOverview(moves), workers: page.NewWorkers(moves),
		pools: page.NewPools(moves), events: page.NewEvents(moves), config: page.NewConfig(moves), settings: page.NewSettings(moves),
		seen: &feed.State{}, dirty: true, after: tea.Tick,
	}
	m.operator = action.New(environment{m}, navigator{m},
		action.Options{ReadOnly: opts.ReadOnly, OwnsRuntime: opts.OwnsRuntime, CPUs: opts.CPUs}, moves)
	return m
}

// Init starts the ticks.
func (m *model) Init() tea.Cmd { return m.tick(first) }

// first is the pause before the first look: the time a local runtime needs to
// answer.
const first = 20 * time.Millisecond

// Update handles a message. A panic in it ends the cockpit in good order.
func (m *model) Update(msg tea.Msg) (next tea.Model, cmd tea.Cmd) {
	defer m.crash.caught()
	next = m
	cmd = m.update(msg)
	for _, more := range []tea.Cmd{m.wantPast(), m.wantRunning()} {
		if more != nil {
			cmd = tea.Batch(cmd, more)
		}
	}
	return m, cmd
}

func (m *model) update(msg tea.Msg) tea.Cmd {
	if msg, ok := msg.(tickMsg); ok {
		return m.ticked(msg)
	}
	m.dirty = true
	if cmd, done := m.operator.Update(msg); done {
		return cmd
	}
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.resize(msg.Width, msg.Height)
		m.screen.Invalidate()
	case tea.KeyMsg:
		return m.handleKey(msg)
	case dialog.ArmedMsg:
		msg.Arm()
	case toastOverMsg:
		if m.toastID == msg.id {
			m.toast = nil
		}
	case pastMsg:
		m.tookPast(msg)
	case runningMsg:
		m.tookRunning(msg)
	case tea.ResumeMsg:
		return m.tick(first)
	}
	return nil
}

// tick starts a new series of ticks; one that was under way ends.
func (m *model) tick(pause time.Duration) tea.Cmd {
	m.tickID++
	return m.nextTick(pause)
}

func (m *model) nextTick(pause time.Duration) tea.Cmd {
	id := m.tickID
	return m.after(pause, func(t time.Time) tea.Msg { return tickMsg{id, t} })
}

// ticked takes the newest look and decides when to look again.
func (m *model) ticked(msg tickMsg) tea.Cmd {
	if msg.id != m.tickID {
		return nil
	}
	before := m.linkText()
	m.now = msg.at
	var told tea.Cmd
	if l := m.feed.Newest(); l != m.seen {
		m.take(l)
		m.dirty = true
		if l.Snapshot != nil {
			told = m.operator.Receipts(l.Snapshot)
		}
	}
	m.judgeLink()
	if m.linkText() != before {
		m.dirty = true
	}
	if m.operator.HasEnded(m.seen.Err) {
		m.outcome = StopRuntime
		return tea.Quit
	}
	fast := m.isFast()
	m.feed.SetFast(fast)
	m.fastTicks = max(0, m.fastTicks-1)
	if told != nil {
		return tea.Batch(told, m.nextTick(m.pace(fast)))
	}
	return m.nextTick(m.pace(fast))
}

func (m *model) pace(fast bool) time.Duration {
	switch {
	case m.data == nil && m.seen.Err == nil:
		return first // nothing is drawn until there is something
	case fast:
		return feed.Fast
	}
	return feed.Slow
}

func (m *model) isFast() bool {
	return m.data != nil && m.data.Unsettled() || m.fastTicks > 0 || m.operator.Busy()
}

// take makes data of what the feed has.
func (m *model) take(l *feed.State) {
	old := m.seen
	m.seen = l
	if l.Snapshot == nil || l.Snapshot == old.Snapshot {
		return
	}
	m.data = page.Compare(l.Snapshot, m.earlier(l.Snapshot))
	m.recent = append(m.recent, l.Snapshot)
	if n := len(m.recent); n > remembered {
		m.recent = append(m.recent[:0], m.recent[n-remembered:]...)
	}
	m.operator.Saw(l.Snapshot)
	for _, p := range m.all() {
		p.SetData(m.data)
	}
}

// remembered are so many snapshots: at the fast pace a second of them, and a few more.
const remembered = 8

// earlier is the snapshot to compare now with: the newest of about a second
// before, because rates over shorter times jump about.
func (m *model) earlier(now *control.Snapshot) *control.Snapshot {
	for i := len(m.recent) - 1; i >= 0; i-- {
		if now.Time.Sub(m.recent[i].Time) >= 900*time.Millisecond {
			return m.recent[i]
		}
	}
	if len(m.recent) > 0 && now.Time.Sub(m.recent[0].Time) >= 150*time.Millisecond {
		return m.recent[0]
	}
	return nil
}

// judgeLink decides whether the link is lost: because it broke, or because
// nothing came over it for too long.
func (m *model) judgeLink() {
	const timeout = 4 * time.Second
	silent := !m.seen.At.IsZero() && m.now.Sub(m.seen.At) > timeout
	m.lost = m.data != nil && (m.seen.Err != nil || silent)
	if m.lost { // what was asked may have failed with the link: it is asked again
		m.past, m.ran = pastSeen{}, runningSeen{}
	}
}

func (m *model) all() []page.Page {
	return []page.Page{m.overview, m.workers, m.pools, m.events, m.config, m.settings}
}

// shown is the page one sees.
func (m *model) shown() page.Page {
	switch {
	case m.tab == 1:
		return m.pools
	case m.tab == 2:
		return m.events
	case m.tab == configTab:
		return m.config
	case m.inside && m.deeper:
		return m.settings
	case m.inside:
		return m.workers
	}
	return m.overview
}

// resize notes the size of the terminal. One that does not know it is taken for
// the usual one.
func (m *model) resize(width, height int) {
	if width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	m.width, m.height = width, height
}

func (m *model) version() string {
	if m.data == nil {
		return ""
	}
	return "attached to runtime " + m.data.Version
}

// notify shows a message. It goes by itself, except for problems: those stay until
// a key is pressed.
func (m *model) notify(tone component.Tone, text string) tea.Cmd {
	m.toastID++
	m.toast = &component.Toast{Tone: tone, Text: text}
	if tone == component.Problem {
		return nil
	}
	id := m.toastID
	return m.after(toastTime, func(time.Time) tea.Msg { return toastOverMsg{id} })
}

// toastTime is how long a message stays that needs no answer.
const toastTime = 4 * time.Second

// call makes a command of a function that may block. A panic in it ends the
// cockpit in good order.
func (m *model) call(f func(ctx context.Context, ctl control.Controller) tea.Msg) tea.Cmd {
	return func() (msg tea.Msg) {
		defer m.crash.caught()
		return f(m.ctx, m.ctl)
	}
}

// configTab is the page of the config, tabs the number of pages.
const (
	configTab = 3
	tabs      = 4
)
