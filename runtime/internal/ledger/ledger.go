package ledger

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
)

// Ledger knows the desired state. [Ledger.View] is for everybody; all other
// methods are for the one goroutine that owns it.
type Ledger struct {
	now   func() time.Time
	rules Rules
	view  atomic.Pointer[View]
}

// Rules of a Ledger.
type Rules struct {
	// History is how many entries of the history are kept, at least 2.
	History int
	// KeepOverrides is true if overrides are to outlive the process.
	KeepOverrides bool
}

// View is the desired state at one moment. It never changes.
type View struct {
	// Running is what runs, File what the file last said, or what the runtime was
	// started with. Neither is ever nil.
	Running, File *config.Config
	// Generation that runs; 0 before the first.
	Generation uint64
	// LastActor made it.
	LastActor string
	// Overrides is the metadata of what differs from the file, Edits the same as a
	// snapshot shows it.
	Overrides Overrides
	Edits     []control.Override
	// Trial under way; nil if none is.
	Trial *Trial
	// Pending is a file that waits; nil if none does.
	Pending *PendingFile

	status  control.ConfigStatus // of the file
	edited  edits
	history history
}

// New returns a Ledger of an empty config. now is the clock that it goes by.
func New(now func() time.Time, rules Rules) *Ledger {
	l := &Ledger{now: now, rules: rules}
	l.set(&View{Running: config.New(), File: config.New()})
	return l
}

// View is the desired state as it is now.
func (l *Ledger) View() *View { return l.view.Load() }

// next is a copy of the View, to become the next one.
func (l *Ledger) next() *View {
	v := *l.View()
	return &v
}

func (l *Ledger) set(v *View) { l.view.Store(v) }

// Load begins with a history that was kept before, and with a file in sync.
func (l *Ledger) Load(kept []control.Generation) {
	v := l.next()
	v.history = historyOf(kept, l.rules.History)
	l.set(v)
}

// Watch says which file the config comes from; empty for none.
func (l *Ledger) Watch(path string) {
	v := l.next()
	v.status = control.ConfigStatus{Path: path, State: control.ConfigInSync, LoadedAt: l.now()}
	l.set(v)
}

// Resumed is what another program has left.
type Resumed struct {
	Running, File *config.Config
	Status        control.ConfigStatus
	// Generation of what runs. An older program counted it apart from the history.
	Generation uint64
	LastActor  string
	Overrides  Overrides
	Past       Past
}

// Resume goes on with what another program has left.
func (l *Ledger) Resume(r Resumed) {
	v := &View{Running: r.Running, File: r.File, LastActor: r.LastActor, Overrides: r.Overrides, status: r.Status}
	v.history = historyOf(r.Past.Entries, l.rules.History)
	v.Generation = max(r.Generation, r.Past.Running)
	v.history.last = max(v.history.last, r.Past.Last, v.Generation)
	v.note(control.Change{}, l.now())
	l.set(v)
}

// Entry is a change of what runs, and what the history tells of it.
type Entry struct {
	// To runs from now on.
	To *config.Config
	// File is what the file says from now on; nil if the file says what it said.
	File *config.Config
	// Reloaded is true if the file was read and is good.
	Reloaded bool
	// Trigger as in [control.Generation].
	Trigger string
	// Change says who, why, which values and for how long.
	Change control.Change
	// Message is one line: what is done. Text is the same as a text of the catalog,
	// if it is one.
	Message string
	Text    message.Message
	// Began is when the attempt began, by the ledger's clock. Zero means that it began
	// just now.
	Began time.Time
	// Overrides that were known before; nil for those of the View.
	Overrides Overrides
	// Quiet makes no event of it, Told makes one even if nothing has changed.
	Quiet, Told bool

	onTrial bool
}

// text of the event that says what is done.
func (e Entry) text() message.Message {
	if e.Text.Text == e.Message {
		return e.Text
	}
	return message.New(message.ChangeMade, e.Message)
}

// Effects are what the caller has to carry out after a change of the ledger.
type Effects struct {
	// Generation that was made, and what changed; 0 if nothing runs differently.
	Generation uint64
	Changes    []config.Change
	// Until is when a trial is taken back; nil if none has begun.
	Until *time.Time
	// Events to tell, in that order.
	Events []control.Event
	// Writes to the state directory, in that order: a crash between two of them
	// leaves it whole.
	Writes []Write
}

// Write is a file of the state directory that is written, or removed.
type Write struct {
	Name string
	// Content becomes JSON; nil removes the file.
	Content any
}

func (e *Effects) write(name string, content any) {
	e.Writes = append(e.Writes, Write{name, content})
}

func (e *Effects) remove(name string) { e.write(name, nil) }

// Commit makes an entry what runs. It cannot fail: what could has been done before.
func (l *Ledger) Commit(e Entry) Effects {
	v := l.next()
	out := l.commit(v, e)
	l.set(v)
	return out
}

func (l *Ledger) commit(v *View, e Entry) (out Effects) {
	out.Changes = config.Diff(v.Running, e.To)
	recovered := e.Reloaded && v.status.Error != nil
	v.Running = e.To
	if e.File != nil {
		v.File = e.File
	}
	if e.Reloaded {
		v.setFileState(control.ConfigInSync, nil)
		v.status.LoadedAt, v.status.Fallback = l.now(), 0
	}
	if e.Overrides != nil {
		v.Overrides = e.Overrides
	}
	v.note(e.Change, l.now())
	if !e.onTrial {
		l.keepOverrides(v, &out)
	}
	if made := len(out.Changes) > 0 || v.Generation == 0; made {
		l.number(v, e, &out)
	}
	if !e.Quiet && (len(out.Changes) > 0 || recovered || e.Told) {
		done := control.NewEvent(control.LevelInfo, e.text(), e.Change.Reason)
		done.Actor = e.Change.Actor
		out.Events = append(out.Events, done)
	}
	return out
}

// number makes the next generation.
func (l *Ledger) number(v *View, e Entry, out *Effects) {
	g := l.entry(e, control.ResultApplied, e.Message, out.Changes)
	g.Number, g.Config = v.history.last+1, string(e.To.YAML())
	g.Revision = g.Number
	v.Generation, v.LastActor = g.Number, e.Change.Actor
	v.edited = v.edited.add(g.Number, e.Change.Actor, out.Changes)
	out.Generation = g.Number
	l.remember(v, g, out)
}

// remember puts an entry into the history.
func (l *Ledger) remember(v *View, g control.Generation, out *Effects) {
	var file, forgotten string
	v.history, file, forgotten = v.history.add(g, v.Generation, l.rules.History)
	out.write(file, g)
	if forgotten != "" {
		out.remove(forgotten)
	}
}

// entry of the history.
func (l *Ledger) entry(e Entry, result, message string, changes []config.Change) control.Generation {
	began, now := e.Began, l.now()
	if began.IsZero() {
		began = now
	}
	if changes == nil {
		changes = []config.Change{}
	}
	return control.Generation{
		Time: began, Actor: e.Change.Actor, Reason: e.Change.Reason, Trigger: e.Trigger,
		Result: result, Message: message, Changes: changes,
		DurationMS: float64(now.Sub(began).Microseconds()) / 1000,
	}
}

// Refuse tells of an attempt that failed, and changes nothing. Of one that the
// runtime repeats by itself it tells once.
func (l *Ledger) Refuse(e Entry, why error) (out Effects) {
	v := l.next()
	g := l.entry(e, control.ResultRefused, why.Error(), config.Diff(v.Running, e.To))
	if g.Actor == "" && v.history.repeats(g) {
		return out
	}
	g.Revision = v.Generation
	l.remember(v, g, &out)
	l.set(v)
	refused := fail(message.ChangeRefused, textOf(why))
	refused.Actor = g.Actor
	out.Events = []control.Event{refused}
	return out
}

// RefuseFile keeps what runs and shows why until the file is good again. It
// returns the reason.
func (l *Ledger) RefuseFile(why *control.Error, actor string) (*control.Error, Effects) {
	v := l.next()
	known := v.status.Error != nil && v.status.Error.Message == why.Message
	v.setFileState(control.ConfigRefused, why)
	var out Effects
	if !known {
		g := l.entry(Entry{Trigger: control.TriggerFile, Change: control.Change{Actor: actor}}, control.ResultRefused, why.Message, nil)
		g.Revision = v.Generation
		l.remember(v, g, &out)
		out.Events = []control.Event{fail(message.ConfigKept, why.Text())}
	}
	l.set(v)
	return why, out
}

// Applying says that a saved file is about to take effect.
func (l *Ledger) Applying() {
	v := l.next()
	v.Pending = nil // what was held before is not in the file any more
	v.status.State = control.ConfigPending
	l.set(v)
}

// keepOverrides keeps the overrides over a restart, if that was asked for. What is
// on trial is not kept: the way back is.
func (l *Ledger) keepOverrides(v *View, out *Effects) {
	if l.rules.KeepOverrides && v.Trial == nil {
		out.write(OverridesFile, v.Saved())
	}
}

// note brings the overrides up to date with what runs and with the file, after a
// change by somebody.
func (v *View) note(c control.Change, now time.Time) {
	differs := overridden(v.File, v.Running)
	v.Overrides = v.Overrides.after(differs, c, now)
	v.Edits = v.Overrides.shown(differs)
}

func (v *View) setFileState(state string, why *control.Error) {
	v.status.State, v.status.Error = state, why
}

// Path of the config file; empty if there is none.
func (v *View) Path() string { return v.status.Path }

// FileStatus is what is known of the file itself, to be handed to another program.
func (v *View) FileStatus() control.ConfigStatus { return v.status }

// Status tells how what runs relates to the file.
func (v *View) Status() control.ConfigStatus {
	status := v.status
	status.Edits = v.Edits
	for _, e := range v.Edits {
		status.Overrides = append(status.Overrides, e.Path)
	}
	status.Generation = v.Generation
	if v.Trial != nil {
		status.Trial = &v.Trial.Trial
	}
	if v.Pending != nil {
		status.Held = &v.Pending.Held
	}
	if status.State == control.ConfigInSync && len(status.Overrides) > 0 {
		status.State = control.ConfigOverridden
	}
	return status
}

// Want is the config that a change asks for. whole parses that of a change that is
// a whole config; it takes long for a large one, so it may remember.
func (v *View) Want(c control.Change, whole func() (*config.Config, error)) (*config.Config, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := v.conflict(c); err != nil {
		return nil, err
	}
	var to *config.Config
	var err error
	switch {
	case c.Config != "":
		to, err = whole()
	case c.Persist: // what is unset goes from the file, too
		to, err = v.Running.With(c.Patch)
	default:
		to, err = v.Running.With(inFile(v.File, c.Patch))
	}
	if err != nil {
		return nil, control.Invalid(err)
	}
	return to, nil
}

// WantBack is the config of a generation that an action goes back to. parse is
// given its text.
func (v *View) WantBack(a control.Action, parse func(text string) (*config.Config, error)) (*config.Config, error) {
	if a.Base != 0 && a.Base != v.Generation {
		return nil, ConflictError(a.Base, v.Generation, v.LastActor, "")
	}
	text, err := v.GenerationConfig(a.Generation)
	if err != nil {
		return nil, err
	}
	to, err := parse(text)
	if err != nil {
		return nil, control.Invalid(err)
	}
	return to, nil
}

// FileLeadsTo is what runs when a file takes effect, and what the file takes back
// of what was set by hand; nil for the file stands for what it said before.
func (v *View) FileLeadsTo(file *config.Config, discard bool) (to *config.Config, dropped []string) {
	if file == nil {
		file = v.File
	}
	if discard {
		return file, nil
	}
	return Merge(v.File, v.Running, file)
}

// OrSomebody names who did something, also if that is not known.
func OrSomebody(actor string) string {
	if actor == "" {
		return "somebody"
	}
	return actor
}

func warn(code message.Code, values ...any) control.Event {
	return control.NewEvent(control.LevelWarn, message.New(code, values...), "")
}

func fail(code message.Code, values ...any) control.Event {
	return control.NewEvent(control.LevelError, message.New(code, values...), "")
}

// textOf is what an error says, by its code if it has one.
func textOf(err error) message.Message {
	if e := (*control.Error)(nil); errors.As(err, &e) && e.Message == err.Error() {
		return e.Text()
	}
	return message.Plain(err.Error())
}
