package control

import "github.com/echterhof/rockstar-tui/runtime/config"

// Disruptive reports whether what is planned ends connections, workers or a
// listener that serves: whoever asks for it is asked whether it is meant, in the
// cockpit and on the command line alike.
func (p *Plan) Disruptive() bool {
	for _, l := range p.Listeners {
		switch l.Action {
		case "stop", "remove", "rebind":
			return true
		}
		if l.Drained > 0 || l.WorkersRetired > 0 {
			return true
		}
	}
	for _, c := range p.Changes {
		if c.Effect == config.Rebind || c.Effect == config.Restart {
			return true
		}
	}
	return false
}
