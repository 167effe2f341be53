package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
)

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
