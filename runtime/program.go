package runtime

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/internal/endpoints"
	"github.com/echterhof/rockstar-tui/runtime/internal/ledger"
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

// programOf returns the program if the listener of that name is one of its own.
func (a *applier) programOf(name string) serving.Program {
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

// isGiven reports whether the program itself made the listener of this name.
func (a *applier) isGiven(name string) bool {
	if a.program == nil {
		return false
	}
	a.program.mu.Lock()
	defer a.program.mu.Unlock()
	return a.program.given[name] != nil
}

// takeGiven returns the listener that the program made itself for this name, nil
// if there is none. It can be had once, since it is closed at its end.
func (a *applier) takeGiven(name string) (endpoints.Sockets, error) {
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
	a := p.app
	with := func(c *config.Config) (*config.Config, error) { return c.WithListener(name, l) }
	ctx, unlock, err := a.lock(ctx, turn{to: func(v *ledger.View) *config.Config {
		to, _ := with(v.Running)
		return to
	}})
	if err != nil {
		return nil, ErrClosed
	}
	defer unlock()
	if err := p.operation.begin(a); err != nil {
		return nil, err
	}
	if _, exists := a.ledger.View().Running.Listeners[name]; exists {
		return nil, fmt.Errorf("listener %q already exists: give this server another ServerConfig.Name", name)
	}
	if err := p.change(ctx, with, name+" is served"); err != nil {
		return nil, err
	}
	p.sampled.Do(func() {
		beginTasks(a)
	})
	return a.endpoints.Listener(name), nil
}

// end takes a listener of the program out of the config again.
func (p *program) end(ctx context.Context, name string) error {
	a := p.app
	ctx, unlock, err := a.lock(ctx, turn{})
	if err != nil {
		return err
	}
	defer unlock()
	if _, exists := a.ledger.View().Running.Listeners[name]; !exists {
		return nil // an operator has removed it
	}
	without := config.Patch{{Path: "listeners." + name, Unset: true}}
	return p.change(ctx, func(c *config.Config) (*config.Config, error) { return c.With(without) }, name+" is no longer served")
}

// programActor is who changes something when the program's code does.
const programActor = "program"

// change carries out what the program's code changes itself: an error is as it is,
// and what the program says is no override. The first change is the start.
func (p *program) change(ctx context.Context, edit func(*config.Config) (*config.Config, error), message string) error {
	v := p.app.ledger.View()
	e := &ledger.Entry{Trigger: control.TriggerChange, Change: control.Change{Actor: programActor}, Message: message, Began: time.Now(), Quiet: true}
	if v.Generation == 0 {
		e.Trigger = control.TriggerStart
	}
	var err error
	if e.To, err = edit(v.Running); err != nil {
		return err
	}
	if e.File, err = edit(v.File); err != nil {
		e.File = nil // what the program said before does not go with it
	}
	_, err = p.app.commit(ctx, p.app.changed(e, nil))
	return err
}
