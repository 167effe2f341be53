package change

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/certs"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
	"github.com/echterhof/rockstar-tui/runtime/internal/monitor"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

var errClosed = errors.New("closed")

// noProgram is that of a runtime without Go code.
type noProgram struct{}

func (noProgram) Of(string) serving.Program { return nil }
func (noProgram) IsGiven(string) bool       { return false }

// engine is one that serves nothing; end has it begin to end.
func engine(t *testing.T) (e *Engine, end context.CancelFunc) {
	log := slog.New(slog.DiscardHandler)
	journal, cells, files := events.New(log), scoreboard.NewCells(), new(slowdisk.Files)
	keys := certs.New(files)
	set := endpoints.New(endpoints.Config{
		Log: log, Events: journal, Cells: cells, Program: noProgram{}.Of,
		Given: func(string) (endpoints.Sockets, error) { return nil, nil },
	})
	ending, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	return New(Config{
		Log: log, Events: journal, Ledger: ledger.New(time.Now, ledger.Rules{History: 10}),
		Endpoints: set, Cells: cells, Certificates: keys, Files: files,
		Monitor: monitor.New(monitor.Config{Endpoints: set, Cells: cells, Certificates: keys, Events: journal}),
		Program: noProgram{}, Patience: time.Minute, Ending: ending, Closed: errClosed,
		Background: func(f func(context.Context)) { go f(ending) },
	}), end
}

// hang makes a path one that does not answer, until the end of the test.
func hang(t *testing.T, e *Engine, path string) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	go slowdisk.Within(t.Context(), e.files, path, time.Hour, func() (struct{}, error) {
		<-over
		return struct{}{}, nil
	})
	synctest.Wait()
}

// filesOf serves a directory.
func filesOf(t *testing.T, root string) *config.Config {
	c, err := config.Parse("test.yaml", []byte("version: 1\nlisteners:\n  web:\n    address: \":8080\"\n    routes: [{match: /, files: {root: "+root+"}}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What is due and cannot be taken back yet is noted in a turn of the clock's own:
// who has the turn meanwhile changes the same ledger.
func TestWhatIsDueIsPostponedInATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := engine(t)
		with := filesOf(t, "/late")
		e.ledger.Commit(ledger.Entry{To: with})
		e.ledger.Try(ledger.Entry{To: config.New(), Change: control.Change{Confirm: config.Duration(time.Second)}}, nil)
		time.Sleep(2 * time.Second)
		hang(t, e, "/late")
		_, done, err := e.Lock(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		before := e.View()
		go e.takeBackDue(t.Context())
		time.Sleep(time.Minute)
		if e.View() != before {
			t.Error("the ledger has changed though it is alice's turn")
		}
		done()
		synctest.Wait()
		if trial := e.View().Trial; trial == nil || !strings.Contains(trial.Error, "/late did not answer in time") {
			t.Errorf("the trial is %+v, want it to say why it goes on", trial)
		}
	})
}

// What was decided while the clock waited for its turn stays decided.
func TestWhatIsDecidedMeanwhileIsNotPostponed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := engine(t)
		e.ledger.Commit(ledger.Entry{To: filesOf(t, "/late")})
		e.ledger.Try(ledger.Entry{To: config.New(), Change: control.Change{Confirm: config.Duration(time.Second)}}, nil)
		time.Sleep(2 * time.Second)
		hang(t, e, "/late")
		_, done, err := e.Lock(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		go e.takeBackDue(t.Context())
		time.Sleep(time.Minute)
		if _, _, err := e.ledger.Confirm(control.Action{}, nil); err != nil {
			t.Fatal(err)
		}
		confirmed := e.View()
		done()
		synctest.Wait()
		if e.View() != confirmed {
			t.Errorf("got %+v, want what was confirmed", e.View())
		}
	})
}

func TestASavedFileWhoseDirectoryHangsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _ := engine(t)
		hang(t, e, "/late")
		text := filesOf(t, "/late").YAML()
		e.saved(watch.Content{Data: text})
		if s := e.View().Status(); s.State != control.ConfigRefused || s.Error == nil || !strings.Contains(s.Error.Message, "/late did not answer in time") {
			t.Errorf("the file is %s: %v; want it refused for its directory", s.State, s.Error)
		}
	})
}

// Who waits for a disk when the runtime ends is told that it does.
func TestTheEndIsToldToWhoWaitsForADisk(t *testing.T) {
	for name, ask := range map[string]func(*Engine) error{
		"reload": func(e *Engine) error {
			_, err := e.Act(context.Background(), control.Action{Kind: control.Reload})
			return err
		},
		"apply": func(e *Engine) error {
			_, err := e.Apply(context.Background(), control.Change{Config: "version: 1\nlisteners:\n  web:\n    address: \":8080\"\n    routes: [{match: /, files: {root: /late}}]\n"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, end := engine(t)
				e.ledger.Watch("/late")
				hang(t, e, "/late")
				got := make(chan error, 1)
				go func() { got <- ask(e) }()
				synctest.Wait()
				end()
				if err := <-got; !errors.Is(err, control.ErrUnavailable) {
					t.Errorf("got %v, want that the runtime is shut down", err)
				}
			})
		})
	}
}
