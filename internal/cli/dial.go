package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

// readTimeout bounds what asks a runtime and changes nothing.
const readTimeout = 10 * time.Second

// sshScheme begins a target on another host.
const sshScheme = "ssh://"

func defaultSocket() string { return socket.DefaultPath() }

// socketPath is where the runtime is looked for.
func (c *call) socketPath() string {
	for _, path := range []string{c.socket, c.Env("ROCKSTAR_SOCKET")} {
		switch {
		case strings.HasPrefix(path, sshScheme):
			return path
		case path != "":
			return absolute(path)
		}
	}
	return defaultSocket()
}

// configPath is the config file asked for, absolute; empty means the demo.
func (c *call) configPath() string {
	for _, path := range []string{c.config, c.Env("ROCKSTAR_CONFIG")} {
		if path != "" {
			return absolute(path)
		}
	}
	return ""
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// dial connects to the runtime and has it answer once.
func (c *call) dial(ctx context.Context) (*control.Client, *control.Snapshot, error) {
	path := c.socketPath()
	if strings.HasPrefix(path, sshScheme) {
		return nil, nil, &control.Error{Code: control.CodeUnsupported,
			Message: fmt.Sprintf("%s: ssh targets are not supported by this version; log in there and run rockstar-tui attach", path)}
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	conn := control.Dial(path)
	if c.readOnly {
		conn = conn.ReadOnly()
	}
	s, err := conn.Snapshot(ctx)
	if err != nil {
		_ = conn.Close()
		return nil, nil, unanswered(path, err)
	}
	return conn, s, nil
}

// unanswered gives silence the same meaning as absence.
func unanswered(path string, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &control.Error{Code: control.CodeUnavailable,
		Message: fmt.Sprintf("the runtime at %s does not answer", path)}
}

// look dials, shows the snapshot to fn, and hangs up.
func (c *call) look(ctx context.Context, fn func(*control.Client, *control.Snapshot) error) error {
	cl, s, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = cl.Close() }()
	return fn(cl, s)
}

// actor is who claims to make a change; the runtime adds what it knows.
func actor() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

// noState is what --state is for a runtime that keeps nothing.
const noState = "none"

// statePath is the directory in which the runtime keeps what is to survive it;
// empty if there is none.
func (c *call) statePath() string {
	switch {
	case c.state == noState:
		return ""
	case c.state != "":
		return absolute(c.state)
	}
	for dir := range strings.SplitSeq(c.Env("STATE_DIRECTORY"), ":") {
		if filepath.IsAbs(dir) {
			return filepath.Join(dir, c.stateName())
		}
	}
	dir, err := c.stateHome()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "state", c.stateName())
}

// stateHome is where programs of this user keep their state.
func (c *call) stateHome() (string, error) {
	if os.Geteuid() == 0 && !filepath.IsAbs(c.Env("XDG_STATE_HOME")) {
		return "/var/lib/rockstar-tui", nil
	}
	return c.stateDir()
}

// stateName is that of the config file, whose history it is; of the socket in a
// demo. The path, shortened, tells namesakes apart.
func (c *call) stateName() string {
	path := c.configPath()
	if path == "" {
		path = c.socketPath()
	}
	sum := sha256.Sum256([]byte(path))
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base)) + "-" + hex.EncodeToString(sum[:4])
}
