package runtime

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/echterhof/rockstar-tui/runtime/control"
)

// envUpgrade tells a program which descriptor has what the one before has left.
const envUpgrade = "ROCKSTAR_UPGRADE"

// legacy is what the program before has left; nil if there was none.
func legacy() (*carried, error) {
	text := os.Getenv(envUpgrade)
	os.Unsetenv(envUpgrade)
	if text == "" {
		return nil, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 3 {
		return nil, fmt.Errorf("%s is %q, not set by a runtime: unset it", envUpgrade, text)
	}
	f := os.NewFile(uintptr(number), "state")
	defer f.Close()
	c, err := readCarried(f)
	if err == nil {
		err = c.check()
	}
	if err == nil && c.PID != os.Getpid() {
		err = fmt.Errorf("it is meant for process %d: unset %s", c.PID, envUpgrade)
	}
	if err != nil {
		return nil, fmt.Errorf("take over from the program before: %w", err)
	}
	if c.StandBy > 0 { // workers must not inherit it
		closeOnExec(c.StandBy)
	}
	return c, nil
}

// takeOver brings all that the program before served to this one: what it served
// itself comes into this process, and workers are replaced one after the other.
// Nothing else changes until it is done.
func (a *App) takeOver(c *carried) {
	defer a.release()
	u := c.Upgrade
	u.State = control.UpgradeRolling
	a.setUpgrade(u)
	a.events.Add(control.Event{Level: control.LevelInfo, Actor: u.Actor,
		Message: fmt.Sprintf("version %s has taken over from %s", a.version, u.From)})
	err := a.endpoints.TakeOver(a.ending, u.Receipt, c.listenerStates())
	u.State, u.To = control.UpgradeDone, a.version
	if err != nil {
		u.State, u.Error = control.UpgradeFailed, fmt.Sprintf("version %s is master, but %v", a.version, err)
		a.events.Add(control.Event{Level: control.LevelError, Actor: u.Actor, Message: "upgrade: " + u.Error})
	} else {
		a.events.Add(control.Event{Level: control.LevelInfo, Actor: u.Actor, Message: fmt.Sprintf("upgrade to version %s is done", a.version)})
	}
	a.setUpgrade(u)
	a.tellAllWell()
}

// tellAllWell lets go who stands by for this program to die.
func (a *App) tellAllWell() { a.wellOnce.Do(func() { allWell(a.standBy) }) }

// cameBack tells of an upgrade to a program that died, after which this one has
// come back.
func (a *App) cameBack() {
	text := os.Getenv(envDied)
	os.Unsetenv(envDied)
	var u control.Upgrade
	if text == "" || json.Unmarshal([]byte(text), &u) != nil {
		return
	}
	a.setUpgrade(u)
	a.events.Add(control.Event{Level: control.LevelError, Actor: u.Actor, Message: "upgrade failed: " + u.Error})
}
