package action

import (
	"fmt"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

func TestDeadlineInAQuestionIsTheLongest(t *testing.T) {
	p := &control.Plan{Listeners: []control.ListenerPlan{
		{Name: "a", Action: "stop", Drained: 1, Deadline: "5s"}, {Name: "b", Action: "stop", Drained: 2, Cut: 2, Kept: 1, Deadline: "1m0s"},
	}}
	got := fmt.Sprint(consequences(p))
	if want := "[closes 3 connections on 2 listeners current requests may finish within 1m cuts 2 connections if still busy then leaves 1 connection open]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
