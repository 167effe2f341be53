package upgrade

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/events"
)

const (
	// envState tells a program which descriptor has what the one before has left.
	envState = "ROCKSTAR_UPGRADE"
	// envDied tells a program that has come back of the upgrade that failed.
	envDied = "ROCKSTAR_UPGRADE_FAILED"
)

// Inherited is what the program before has left; nil if there was none.
func Inherited() (*State, error) {
	text := os.Getenv(envState)
	os.Unsetenv(envState)
	if text == "" {
		return nil, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 3 {
		return nil, fmt.Errorf("%s is %q, not set by a runtime: unset it", envState, text)
	}
	f := os.NewFile(uintptr(number), "state")
	defer f.Close()
	s, err := Read(f)
	if err == nil {
		err = s.check()
	}
	if err == nil && s.PID != os.Getpid() {
		err = fmt.Errorf("it is for process %d: unset %s", s.PID, envState)
	}
	if err != nil {
		return nil, fmt.Errorf("take over from the previous program: %w", err)
	}
	if s.StandBy > 0 { // workers must not inherit it
		closeOnExec(s.StandBy)
	}
	return s, nil
}

// CameBack tells of an upgrade to a program that died, after which this one has
// come back.
func (u *Upgrader) CameBack() {
	text := os.Getenv(envDied)
	os.Unsetenv(envDied)
	var failed control.Upgrade
	if text == "" || json.Unmarshal([]byte(text), &failed) != nil {
		return
	}
	u.status.Store(&failed)
	u.Events.Add(events.By(failed.Actor, control.LevelError, message.New(message.UpgradeFailed, failed.Error), ""))
}
