package runtime

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/internal/change"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/routes"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// program is what Go code gave to an App: routes, servers, listeners of its own.
type program struct {
	app    *App
	number int
	routes *routeTable
	// leaveSignals says that the program handles SIGINT and SIGTERM itself.
	leaveSignals bool
	operation    operation

	mu      sync.Mutex
	servers map[string]*Server
	made    int // servers made by NewServer so far
	given   map[string]*givenListener
	sampled sync.Once // the sampler runs from the first listener on
}

// givenListener is one that the program made itself.
type givenListener struct {
	*endpoints.Given
	taken bool // guarded by the mu of the program
}

// programs counts the Apps made by New in this process.
var programs atomic.Int64

func newProgram(a *App) *program {
	p := &program{
		app: a, number: int(programs.Add(1)),
		servers: map[string]*Server{}, given: map[string]*givenListener{},
	}
	p.routes = newRouteTable(a.log)
	return p
}

// ofListener is what the program has for one of its listeners.
type ofListener struct {
	*program
	name string
}

var _ serving.Program = ofListener{}

// Register adds the program's routes to those of the config.
func (p ofListener) Register(r *routes.Router, s *serving.Service) error {
	server := p.serverOf(p.name)
	if prefork.IsWorker() {
		server.worker.Store(s)
	}
	return server.table().addTo(r, server)
}

// TLS is that of the listener's server, nil if it has none.
func (p ofListener) TLS() *tls.Config { return p.serverOf(p.name).config.TLS }

// server of that name; nil if there is none.
func (p *program) server(name string) *Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.servers[name]
}

// serverOf is the Server that handlers see. In a worker it may be one that the
// program has not made yet, or will never make: its routes are the same.
func (p *program) serverOf(name string) *Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	server := p.servers[name]
	if server == nil {
		server = &Server{app: p.app, name: name, end: termination{done: make(chan struct{})}}
		p.servers[name] = server
	}
	return server
}

// ofApp is the program of an App, if it has one.
type ofApp struct{ *App }

var _ change.Program = ofApp{}

// Of returns the program if the listener of that name is one of its own.
func (a ofApp) Of(name string) serving.Program {
	if a.program == nil {
		return nil
	}
	a.program.mu.Lock()
	defer a.program.mu.Unlock()
	if a.program.servers[name] == nil {
		return nil
	}
	return ofListener{a.program, name}
}

// IsGiven reports whether the program itself made the listener of this name.
func (a ofApp) IsGiven(name string) bool {
	if a.program == nil {
		return false
	}
	a.program.mu.Lock()
	defer a.program.mu.Unlock()
	return a.program.given[name] != nil
}

// takeGiven returns the listener that the program made itself for this name, nil
// if there is none. It can be had once, since it is closed at its end.
func (a *App) takeGiven(name string) (endpoints.Sockets, error) {
	if a.program == nil {
		return nil, nil
	}
	a.program.mu.Lock()
	defer a.program.mu.Unlock()
	f := a.program.given[name]
	switch {
	case f == nil:
		return nil, nil
	case f.taken:
		return nil, fmt.Errorf("listener %s was opened by the program itself: the runtime cannot open it again or at another address", name)
	}
	f.taken = true
	return f.Given, nil
}

// begin brings a listener of the program into the config that runs.
func (p *program) begin(ctx context.Context, name string, l config.Listener) (*endpoints.Listener, error) {
	return p.app.engine.Serve(ctx, name, l,
		func() error { return p.operation.begin(p.app) },
		func() { p.sampled.Do(func() { beginTasks(p.app) }) })
}

// end takes a listener of the program out of the config again.
func (p *program) end(ctx context.Context, name string) error { return p.app.engine.Remove(ctx, name) }
