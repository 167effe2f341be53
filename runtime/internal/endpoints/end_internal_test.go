package endpoints

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
	"github.com/echterhof/rockstar-tui/runtime/internal/scoreboard"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

func newSet() *Set {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return New(Config{
		Log: log, Events: events.New(log), Cells: scoreboard.NewCells(),
		Program: func(string) serving.Program { return nil },
		Given:   func(string) (Sockets, error) { return nil, nil },
	})
}

// settingsOf are those of the listener web of a config.
func settingsOf(t *testing.T, text string) serving.Settings {
	t.Helper()
	c, err := config.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return serving.Settings{Name: "web", Listener: c.Listeners["web"]}
}

const inProcess = `
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    routes:
      - {match: /, respond: {body: hello}}
`

// A change that the end has not waited for is refused by Commit, and taken back when
// the service that it is about has drained already.
func TestAChangeIsTakenBackAfterTheEnd(t *testing.T) {
	s, to := newSet(), settingsOf(t, inProcess)
	l := s.Listener("web")
	_, retire, err := l.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]config.Listener{"web": to.Listener}
	if !s.Commit(all, []*Listener{l}) {
		t.Fatal("an open set has refused a commit")
	}
	retire()
	e := l.Endpoint()
	undo, _, err := e.Change(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	for _, done := range s.End(s.OpenReceipt(control.Receipt{})) {
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("the set has not ended in 10 s")
		}
	}
	if s.Commit(all, []*Listener{l}) {
		t.Error("a set that has ended took a commit")
	}
	undo()
	if _, _, err := e.Change(t.Context(), to); err == nil {
		t.Error("an endpoint that has ended could be changed")
	}
}

// The end meets an endpoint that a change has opened and takes back at that moment.
func TestAnEndpointThatIsEndedTwiceCountsOnce(t *testing.T) {
	s, to := newSet(), settingsOf(t, inProcess)
	l := s.Listener("web")
	undo, retire, err := l.Open(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Commit(map[string]config.Listener{"web": to.Listener}, []*Listener{l}) {
		t.Fatal("an open set has refused a commit")
	}
	retire()
	e := l.Endpoint()
	e.local.Board().Listener.Accepted.Store(7)
	_, first := l.retire(e)
	_, second := l.retire(e)
	undo()
	<-first
	<-second
	if n := l.Totals().Accepted; n != 7 {
		t.Errorf("%d connections accepted, want 7", n)
	}
}
