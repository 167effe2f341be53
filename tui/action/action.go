// Package action has what an operator can do in the cockpit: one record per key,
// and what becomes of it.
package action

import (
	"context"
	"time"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/component"
	"github.com/echterhof/rockstar-tui/tui/dialog"
	"github.com/echterhof/rockstar-tui/tui/page"
)

// Action is one thing to do, and the key for it.
type Action struct {
	// ID names the action, such as "restart-worker".
	ID string
	// Key is the binding, with its name and what the help says of it.
	Key key.Binding
	// Chapter of the help; empty leaves the action out.
	Chapter string
	// Offer is what the footer says of the action for a target; empty says
	// nothing. Nil is never.
	Offer func(page.Target) string
	// Applies reports whether the key does this for a target. Nil is always.
	Applies func(page.Target) bool
	// Needs is what an operator must be allowed to do.
	Needs Permission
	// Run does it. A record without stands for a few keys in the footer.
	Run func(page.Target) tea.Cmd
}

// Permission is what an action needs.
type Permission int

// Permissions. Each takes in those before it.
const (
	// ToLook is everybody's.
	ToLook Permission = iota
	// ToAct needs a runtime that answers, and the role of an admin.
	ToAct
	// ToChange also needs that no trial is under way.
	ToChange
)

// Env is the cockpit around the actions.
type Env interface {
	// Data is what is known of the runtime, nil before the first snapshot.
	Data() *page.Data
	// Lost reports that the link to the runtime is lost.
	Lost() bool
	// Styles are those of the terminal, and Room is the size of a page.
	Styles() *component.Styles
	Room() (width, height int)
	// Top is the uppermost modal, nil if none is open; Open and Close change that.
	Top() dialog.Modal
	Open(dialog.Modal)
	Close(dialog.Modal)
	// Notify shows a message.
	Notify(tone component.Tone, text string) tea.Cmd
	// Call makes a command of what asks the runtime.
	Call(func(context.Context, control.Controller) tea.Msg) tea.Cmd
	// After is [tea.Tick].
	After(time.Duration, func(time.Time) tea.Msg) tea.Cmd
	// LookSoon takes snapshots at a faster pace for a while.
	LookSoon() tea.Cmd
}

// Navigator moves between pages.
type Navigator interface {
	Back()
	OpenListener(name string)
	OpenSettings(name string)
	GoTo(tab int)
	Turn(by int)
	EditFilter()
	ShowHelp()
	Suspend() tea.Cmd
	Quit() tea.Cmd
}

// Options of an operator.
type Options struct {
	// ReadOnly refuses every change.
	ReadOnly bool
	// OwnsRuntime says that the runtime was started for this cockpit.
	OwnsRuntime bool
	// CPUs of the machine the runtime is on, 0 if not known.
	CPUs int
}

// Operator does what is asked for, one change after the other.
type Operator struct {
	env     Env
	options Options
	table   []Action
	moves   *page.Keys

	queue     queue
	receipts  []uint64       // of what was done from here, not closed yet
	form      *dialog.Form   // open, nil if none is
	running   *config.Config // what runs, nil while it is not known
	trialOver time.Time      // the end of the trial that was ended from here
	ending    Ending
}

// New returns an operator; moves are the keys that move a selection.
func New(env Env, nav Navigator, options Options, moves *page.Keys) *Operator {
	o := &Operator{env: env, options: options, moves: moves}
	o.queue.init()
	o.table = o.actions(nav, env.Styles())
	return o
}

// HandleKey does what a key is for, with what is selected. It reports false if
// the key is for nothing here.
func (o *Operator) HandleKey(k tea.KeyMsg, t page.Target) (tea.Cmd, bool) {
	for i := range o.table {
		a := &o.table[i]
		if a.Run == nil || !key.Matches(k, a.Key) || a.Applies != nil && !a.Applies(t) {
			continue
		}
		if why := o.denied(a.Needs); why != "" {
			return o.env.Notify(component.Problem, why), true
		}
		return a.Run(t), true
	}
	return nil, false
}

// denied is why something cannot be done now, empty if it can.
func (o *Operator) denied(p Permission) string {
	switch p {
	case ToAct:
		return o.refusal()
	case ToChange:
		return o.noChange()
	}
	return ""
}

// Footer are the keys that do something for what is selected, the most important
// first.
func (o *Operator) Footer(t page.Target) []key.Binding {
	var out []key.Binding
	for i := range o.table {
		a := &o.table[i]
		if a.Offer == nil {
			continue
		}
		if text := a.Offer(t); text != "" {
			b := a.Key
			b.SetHelp(b.Help().Key, text)
			out = append(out, b)
		}
	}
	return out
}

// Help are all keys by chapter.
func (o *Operator) Help() []component.KeyGroup {
	var out []component.KeyGroup
	for _, title := range chapters {
		g := component.KeyGroup{Title: title}
		if title == chapterMove {
			g.Keys = o.moves.All()
		}
		for i := range o.table {
			if a := &o.table[i]; a.Chapter == title {
				g.Keys = append(g.Keys, a.Key)
			}
		}
		out = append(out, g)
	}
	return out
}

// Running takes the config that runs, nil if it is not known: forms check by it.
func (o *Operator) Running(c *config.Config) { o.running = c }

// All are the actions, in the order of the footer.
func (o *Operator) All() []Action { return o.table }

// KeyOf is the name of the key of an action.
func (o *Operator) KeyOf(id string) string {
	for i := range o.table {
		if o.table[i].ID == id {
			return o.table[i].Key.Help().Key
		}
	}
	return ""
}

// ask opens a question.
func (o *Operator) ask(d *component.Dialog, answer func(button int) tea.Cmd) tea.Cmd {
	q, guard := dialog.Ask(d, o.env.After, answer)
	o.env.Open(q)
	return guard
}
