package runtime

import (
	"runtime/debug"

	"github.com/echterhof/rockstar-tui/runtime/config"
)

// largeConfig is from how many bytes on reading a config takes so much memory
// that it is given back at once: a hundred times its size for a moment, and Go
// would keep that for long.
const largeConfig = 256 << 10

// parseConfig is [config.Parse] of what may be large.
func parseConfig(path string, data []byte) (*config.Config, error) {
	cfg, err := config.Parse(path, data)
	if len(data) >= largeConfig {
		debug.FreeOSMemory()
	}
	return cfg, err
}
