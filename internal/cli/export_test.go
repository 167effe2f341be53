package cli

import (
	"time"
)

// StartWithin shortens the time that a runtime has until it is ready.
func (p *Program) StartWithin(d time.Duration) { p.startTimeout = d }
