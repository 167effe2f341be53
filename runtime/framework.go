package runtime

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/echterhof/rockstar-tui/prefork"
)

// FrameworkConfig is what [New] makes an App of. Its zero value is useful.
type FrameworkConfig struct {
	// ServerConfig of the server that [App.Start] starts. Servers made by
	// [Server.NewServer] have one of their own and take nothing from here.
	ServerConfig ServerConfig
	// NetworkClient of the App; every field has a default.
	NetworkClient NetworkClientConfig
	// Log gets events and the errors of handlers. Nil means slog.Default().
	Log *slog.Logger
	// Version of the program, shown to whoever asks.
	Version string
	// ControlSocket is the path of a unix socket by which the App is watched and
	// operated, as a runtime of its own is: rockstar-tui --socket PATH. It answers
	// from the first start of a server to the end of the App, in the master alone.
	// Its directory has to be the user's own. Default none.
	ControlSocket string
	// ReadOnly makes every client of ControlSocket a viewer, who changes nothing.
	// Default false.
	ReadOnly bool
	// StateDir is where the history of changes is kept, for the next start. It is
	// made if needed, and belongs to one App at a time. What runs at a start is what
	// the program says: changes that an operator made end with the process. Default
	// none: the history is kept in memory.
	StateDir string
	// LeaveSignals leaves SIGINT and SIGTERM to the program, which then calls
	// [App.Shutdown] or ends the context of [App.StartContext]. Default false: they
	// shut the App down.
	LeaveSignals bool
}

// New makes an App whose routes are Go code: register them with [App.Router] and
// then call [App.Start]. Until then it opens nothing and serves nothing.
//
// The App is a [control.Controller] like any other: the cockpit shows it, and a
// change made there, a timeout or the number of workers, reaches its listeners.
func New(c FrameworkConfig) (*App, error) {
	if err := c.ServerConfig.check(); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	a := newApp(Options{Log: c.Log, Version: c.Version})
	a.engine.WatchNothing()
	a.program = newProgram(a)
	a.program.leaveSignals = c.LeaveSignals
	a.program.operation = operation{socket: c.ControlSocket, readOnly: c.ReadOnly, stateDir: c.StateDir}
	a.client = NewNetworkClient(c.NetworkClient)
	name := c.ServerConfig.Name
	if name == "" {
		name = "main"
	}
	a.server = a.program.newServer(name, c.ServerConfig)
	return a, nil
}

// Router holds the routes of all servers of the App. It is nil if the App was
// made by [Open], whose routes are those of its config.
func (a *App) Router() *Router {
	if a.program == nil {
		return nil
	}
	return a.program.routes.root
}

// Server is the one that Start starts; its NewServer makes others. It is nil if
// the App was made by [Open].
func (a *App) Server() *Server { return a.server }

// NetworkClient is an HTTP client for what the program asks of others.
func (a *App) NetworkClient() NetworkClient {
	if a.client == nil {
		return NewNetworkClient(NetworkClientConfig{})
	}
	return a.client
}

// IsWorker reports whether this process is a worker of the App's listeners. It
// then never returns from Start, and nothing but handlers is wanted of it: a
// cockpit, for example, belongs to the master.
func (a *App) IsWorker() bool { return prefork.IsWorker() }

// Start serves until the App is shut down, like http.ListenAndServe: it blocks.
// addr is host:port; empty means ServerConfig.Address, or else ":8080". The
// protocol and certificate are those of ServerConfig.
//
// SIGINT and SIGTERM, and [App.Shutdown], shut the App down: its listeners
// refuse new connections, requests under way are answered, and Start returns
// nil. A second signal ends the process at once. With FrameworkConfig.LeaveSignals
// signals are left to the program.
//
// With prefork, each worker is this program started again, with the same
// arguments. There, everything up to Start happens as in the master; Start
// itself serves as the worker and ends the process when the worker has drained.
// It does not return to what follows in the program.
func (a *App) Start(addr string) error { return a.StartContext(context.Background(), addr) }

// StartContext is Start until ctx ends, too: then the App is shut down, its
// listeners within their ShutdownTimeout, and nil returned.
func (a *App) StartContext(ctx context.Context, addr string) error {
	if a.program == nil {
		return errors.New("start: this App was opened from a config and serves already")
	}
	if prefork.IsWorker() {
		a.server.becomeWorker()
	}
	return a.until(ctx, a.Shutdown, func() error { return a.server.start(context.Background(), addr) })
}

// until runs serve until it ends by itself, the process is asked to end, which
// shuts the App down, or ctx ends, which ends what end does.
func (a *App) until(ctx context.Context, end func(context.Context) error, serve func() error) error {
	asked, stop := a.signalled()
	defer stop()
	served := make(chan error, 1)
	go func() { served <- serve() }()
	select {
	case err := <-served:
		return err
	case <-asked.Done():
		stop() // a second signal ends the process
		end = a.Shutdown
	case <-ctx.Done():
	}
	err := end(context.Background())
	if ended := <-served; !errors.Is(ended, ErrClosed) && !errors.Is(ended, ErrServerClosed) { // it had not begun to serve
		err = errors.Join(err, ended)
	}
	return err
}

// signalled gives a context that ends when the process is asked to end, unless
// the program sees to that itself.
func (a *App) signalled() (context.Context, context.CancelFunc) {
	if a.program.leaveSignals {
		return context.WithCancel(context.Background())
	}
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}
