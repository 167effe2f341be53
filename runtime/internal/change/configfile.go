package change

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
	"github.com/echterhof/rockstar-tui/runtime/internal/watch"
)

// configFile is a config file as it was read in one go: what is parsed is what
// was hashed.
type configFile struct {
	path   string
	hash   [sha256.Size]byte
	config *config.Config
}

// reading is how a file is read: watch.Read or watch.ReadQuiet.
type reading func(path string) ([]byte, [sha256.Size]byte, error)

func (e *Engine) readFile(ctx context.Context, path string, read reading) (configFile, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return configFile{}, err
	}
	type content struct {
		data []byte
		hash [sha256.Size]byte
	}
	c, err := slowdisk.Within(ctx, e.files, path, slowdisk.ConfigTimeout, func() (content, error) {
		data, hash, err := read(path)
		return content{data, hash}, err
	})
	if err != nil {
		reason := strings.TrimPrefix(err.Error(), "read "+path+": ")
		return configFile{path: path}, config.Errors{{File: path, Message: reason, Hint: "to begin with one: rockstar-tui config init FILE"}}
	}
	cfg, err := parseConfig(path, c.data)
	return configFile{path: path, hash: c.hash, config: cfg}, err
}

// watchFile makes every save of the file take effect.
func (e *Engine) watchFile(loaded configFile) {
	e.background(func(ctx context.Context) {
		err := watch.File(ctx, loaded.path, watch.Options{
			Known: loaded.hash, Seen: e.SeenFile,
			Warn: func(text string) { e.events.Add(control.Event{Level: control.LevelWarn, Message: text}) },
		}, e.saved)
		if err != nil {
			e.events.Error("", message.ConfigUnwatched, err)
		}
	})
}

// SeenFile is the hash of the file as it was last read.
func (e *Engine) SeenFile() [sha256.Size]byte {
	e.fileMu.Lock()
	defer e.fileMu.Unlock()
	return e.fileHash
}

// sawFile notes it.
func (e *Engine) sawFile(hash [sha256.Size]byte) {
	e.fileMu.Lock()
	defer e.fileMu.Unlock()
	e.fileHash = hash
}

// readConfig reads the config file, twice if need be: perhaps it is being saved.
func (e *Engine) readConfig(ctx context.Context, path string) (configFile, error) {
	read, err := e.readFile(ctx, path, watch.Read)
	if err != nil && !slowdisk.IsLate(err) && ctx.Err() == nil {
		read, err = e.readFile(ctx, path, watch.ReadQuiet)
	}
	return read, err
}

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
