// Package tui is the cockpit: a terminal UI that shows a runtime and changes it.
// It knows a runtime only as a control.Controller, so it works the same on an App
// in this process and on a runtime behind a socket.
//
// [Run] shows the cockpit until the operator leaves, and returns an [Outcome]
// that says whether the runtime should go on.
//
// Inside, the root model routes keys, sizes and data to packages that do one
// thing each:
//
//	action     what an operator can do: one record per key
//	dialog     what lies on top of a page: questions, forms, help
//	page       one file per screen
//	component  tables, forms and charts that draw what they are given
//	request    a change, and the same as a command line
//	feed       the newest snapshot of a link that may break
//	term       the terminal itself
//
// Update decides, View draws, commands do. Neither asks the runtime or a clock:
// the screen shows the last snapshot and the cursor, nothing else.
package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	goruntime "runtime"
	"sync"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/tui/feed"
	"github.com/echterhof/rockstar-tui/tui/term"
)

// Options of a cockpit.
type Options struct {
	// Theme is the name of a theme or the path of a theme file; empty chooses
	// one that fits the terminal.
	Theme string
	// ReadOnly refuses every change, for as long as the cockpit runs.
	ReadOnly bool
	// Target says in the header what one is attached to: a socket, a host.
	Target string
	// CPUs of the machine the runtime is on, 0 if not known. The dialog that
	// asks for a number of workers shows it.
	CPUs int
	// OwnsRuntime says that the runtime was started for this cockpit: leaving
	// asks whether it is to go on.
	OwnsRuntime bool
	// Embedded says that the runtime lives in this process.
	Embedded bool

	controller control.Controller
}

// Outcome is how a cockpit ended.
type Outcome int

// Outcomes.
const (
	// Detached left the runtime as it was.
	Detached Outcome = iota
	// StopRuntime has stopped the runtime, as the operator wished.
	StopRuntime
)

// String returns the outcome in a word.
func (o Outcome) String() string {
	if o == StopRuntime {
		return "stopped"
	}
	return "detached"
}

// Run shows the cockpit of a runtime until the operator leaves it, a signal ends
// it or ctx does. The terminal is then as it was before, also after a panic, of
// which the error names a report. Whatever happens to the cockpit, the runtime
// goes on unless the operator has stopped it.
//
// A program that serves by [github.com/echterhof/rockstar-tui/runtime.New] passes
// its App. In a worker process of such a program there is nothing to show: Run
// then waits until the worker, which ends its process, has finished.
//
// What Go's log package, and slog as it is at first, would write over the screen
// is written when the cockpit is left. A logger of your own should not write to
// the terminal meanwhile.
//
// Without options the cockpit looks as fits the terminal. At most one is used.
func Run(ctx context.Context, ctl control.Controller, options ...Options) (Outcome, error) {
	if ctl == nil {
		return Detached, errors.New("run cockpit: no controller")
	}
	if w, ok := ctl.(interface{ IsWorker() bool }); ok && w.IsWorker() {
		select {}
	}
	opts := optionsFor(ctl, options)
	if !term.IsTerminal(os.Stdout) {
		return Detached, errors.New("run cockpit: the output is not a terminal; use commands such as rockstar-tui status instead")
	}
	styles, err := stylesFor(opts.Theme, os.Getenv)
	if err != nil {
		return Detached, fmt.Errorf("run cockpit: %w", err)
	}
	defer term.HoldLog()()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &crash{}
	f := feed.New(ctl, c.caught)
	return run(ctx, cancel, f, newModel(ctx, opts, styles, f, c))
}

// optionsFor are those given, or what suits the controller.
func optionsFor(ctl control.Controller, given []Options) Options {
	_, remote := ctl.(*control.Client)
	opts := Options{Embedded: !remote}
	if !remote {
		opts.CPUs = goruntime.NumCPU() // of the machine that the runtime is on
	}
	if len(given) > 0 {
		opts = given[0]
	}
	opts.controller = ctl
	return opts
}

// run owns the goroutines: the feed, the screen and the one that waits for a
// farewell. All end with ctx.
func run(ctx context.Context, cancel context.CancelFunc, f *feed.Feed, m *model) (Outcome, error) {
	// Some terminals stumble over synchronized output.
	m.screen = term.NewScreen(os.Stdout, os.Getenv("ROCKSTAR_NO_SYNC") == "")
	p := tea.NewProgram(m, programOptions(m.screen, func() { m.crash.quit() })...)
	over := make(chan struct{})
	m.crash.quit = func() { go farewell(p, over) }
	var running sync.WaitGroup
	running.Go(func() { f.Run(ctx) })
	running.Go(func() { m.screen.Run(ctx) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		running.Wait()
	}()
	stop := onFarewell(ctx, m.crash.quit)
	m.screen.Enter()
	_, err := p.Run()
	m.screen.Leave()
	close(over)
	cancel()
	stop()
	wait(done, 2*time.Second)
	if crashed := m.crash.report(os.UserCacheDir, m.version()); crashed != nil {
		return Detached, crashed
	}
	if err != nil && (errors.Is(err, tea.ErrProgramPanic) || !errors.Is(err, tea.ErrProgramKilled)) {
		return Detached, fmt.Errorf("run cockpit: %w", err)
	}
	return m.outcome, nil // killed: the terminal has gone, or somebody wished it
}

// farewell asks the program to end, and after two seconds no longer asks. It
// ends when the program is over.
func farewell(p *tea.Program, over <-chan struct{}) {
	go p.Quit()
	select {
	case <-over:
	case <-time.After(2 * time.Second):
		p.Kill()
	}
}

// onFarewell calls quit when a signal says so or ctx ends. stop takes the
// signals back.
func onFarewell(ctx context.Context, quit func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, farewells...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-signals:
		case <-ctx.Done():
		}
		quit()
	}()
	return func() {
		signal.Stop(signals)
		<-done
	}
}

// wait waits for done, but no longer than a Controller that ignores its context
// may cost.
func wait(done <-chan struct{}, limit time.Duration) {
	select {
	case <-done:
	case <-time.After(limit):
	}
}

func programOptions(s *term.Screen, ended func()) []tea.ProgramOption {
	out := []tea.ProgramOption{
		tea.WithOutput(term.Muted{File: os.Stdout}),
		tea.WithFPS(1), // of nothing: screen draws
		tea.WithFilter(s.OnMessage),
		tea.WithoutSignalHandler(),
	}
	if term.IsTerminal(os.Stdin) {
		out = append(out, tea.WithInput(&term.Keyboard{File: os.Stdin, Ended: ended}))
	}
	return out
}

// farewells are the signals upon which the cockpit puts the terminal in order
// and detaches. A hang-up is one: it means that the terminal has gone.
var farewells = []os.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT}
