package runtime

import (
	"context"
	"os"
	"reflect"

	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/internal/slowdisk"
)

// askRoots finds out whether the directories answer that the listeners serve
// which differ between two configs. Whether they can be served is checked later.
func (a *applier) askRoots(ctx context.Context, from, to *config.Config) error {
	for name, l := range to.Listeners {
		if reflect.DeepEqual(from.Listeners[name], l) {
			continue
		}
		for _, r := range l.Routes {
			if r.Files == nil {
				continue
			}
			_, err := slowdisk.Within(ctx, &a.files, r.Files.Root, slowdisk.FileTimeout, func() (os.FileInfo, error) { return os.Stat(r.Files.Root) })
			if slowdisk.IsLate(err) {
				return control.Fail(control.CodeRefused, message.FilesRoot, name, err)
			}
		}
	}
	return ctx.Err()
}
