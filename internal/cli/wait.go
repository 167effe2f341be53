package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/words"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// drainSlack is what a drain may take beyond its own deadline.
const drainSlack = 10 * time.Second

// goal tells of a state whether it is what one waits for. Until then it says
// what is missing; an error ends the wait.
type goal func(*control.Snapshot) (missing string, err error)

// await watches until the goal is reached, and shows on the way what is missing.
// States from before the result do not count.
func (c *call) await(ctx context.Context, cl *control.Client, o *changing, r *control.Result, bound time.Duration, reached goal) error {
	if o.noWait {
		return nil
	}
	if o.timeout > 0 {
		bound = o.timeout
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	defer c.clearProgress()

	missing, over := "", false
	var verdict error
	err := cl.Watch(ctx, control.WatchOptions{Interval: 100 * time.Millisecond}, func(s *control.Snapshot) {
		if over || s.Revision < r.Revision {
			return
		}
		missing, verdict = reached(s)
		if over = missing == "" || verdict != nil; over {
			cancel()
			return
		}
		c.progress("%s", missing)
	})
	switch {
	case over:
		return verdict
	case errors.Is(err, context.DeadlineExceeded):
		return failed("decided, but not done within %s: %s", bound, missing)
	}
	return err
}

// each makes a goal of one that every listener named has to reach.
func each(names []string, reached func(*control.ListenerInfo) (string, error)) goal {
	return func(s *control.Snapshot) (string, error) {
		var missing []string
		for _, name := range names {
			l, err := findListener(s, name)
			if err != nil {
				return "", err
			}
			m, err := reached(l)
			if err != nil {
				return "", err
			}
			if m != "" {
				missing = append(missing, m)
			}
		}
		return strings.Join(missing, ", "), nil
	}
}

func serving(names []string) goal {
	return each(names, func(l *control.ListenerInfo) (string, error) {
		switch l.State {
		case control.StateServing:
			return "", nil
		case control.StateFailed:
			return "", broken(l)
		}
		return stateOf(l), nil
	})
}

func stopped(names []string) goal {
	return each(names, func(l *control.ListenerInfo) (string, error) {
		if l.State == control.StateStopped || l.State == control.StateFailed {
			return "", nil
		}
		return fmt.Sprintf("%s is %s, %s left", l.Name, l.State, words.Count(l.Connections.Active+l.Connections.Idle, "connection")), nil
	})
}

// ready is reached when a listener has as many workers as it wants, or is none
// that should have any.
func ready(name string) goal {
	return each([]string{name}, func(l *control.ListenerInfo) (string, error) {
		switch {
		case !l.Enabled, l.State == control.StateServing && l.WorkersReady == l.WorkersWanted:
			return "", nil
		case l.State == control.StateFailed:
			return "", broken(l)
		}
		return stateOf(l), nil
	})
}

func broken(l *control.ListenerInfo) error {
	return failed("%s has failed: %s", l.Name, l.Reason)
}

func stateOf(l *control.ListenerInfo) string {
	s := fmt.Sprintf("%s is %s, %d of %s ready", l.Name, l.State, l.WorkersReady, words.Count(l.WorkersWanted, "worker"))
	if l.Reason != "" {
		s += ": " + l.Reason
	}
	return s
}

// drainBound is how long the listeners may take to drain.
func drainBound(s *control.Snapshot, names []string) time.Duration {
	bound := time.Duration(0)
	for _, name := range names {
		if l, err := findListener(s, name); err == nil {
			d, _ := time.ParseDuration(l.Timeouts.Shutdown)
			bound = max(bound, d)
		}
	}
	return bound + drainSlack
}
