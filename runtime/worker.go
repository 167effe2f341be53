package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	goruntime "runtime"
	"strconv"
	"sync"

	"github.com/echterhof/rockstar-tui/prefork"
	"github.com/echterhof/rockstar-tui/runtime/internal/serving"
)

// IsWorker reports whether this process was started to be a worker. A main
// function asks it before anything else and then calls [RunWorker].
func IsWorker() bool { return prefork.IsWorker() }

// RunWorker serves as a worker of the master that started this process, until
// the master asks it to end or is gone, and all its connections are finished.
func RunWorker() error { return serving.RunWorker(nil) }

// envProgram tells a worker which App of the program it serves: they are
// numbered in the order in which New made them, which must be the same in every
// process of the program.
const envProgram = "ROCKSTAR_APP"

// envServer tells a worker the name of its server, where that server has what the
// other ones of the program have not: only its own start can make the worker.
const envServer = "ROCKSTAR_SERVER"

// Command starts this program again as a worker of the listener, with the same
// arguments: up to its first Start or Listen it does there what it does here.
func (p ofListener) Command() *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	cmd := &exec.Cmd{Path: runningFile(path), Args: os.Args}
	cmd.Env = append(os.Environ(), envProgram+"="+strconv.Itoa(p.number))
	if p.server(p.name).isDistinct() {
		cmd.Env = append(cmd.Env, envServer+"="+p.name)
	}
	return cmd
}

// runningFile is the file of the program that runs, also when another has taken
// its name since: a worker must be of its master's version.
func runningFile(path string) string {
	const running = "/proc/self/exe"
	if goruntime.GOOS != "linux" {
		return path
	}
	named, err := os.Stat(path)
	if err != nil {
		return running
	}
	if own, err := os.Stat(running); err == nil && !os.SameFile(named, own) {
		return running
	}
	return path
}

// becomeWorker serves as the worker that this process was started to be, and
// then ends the process: nothing that follows in the program is for a worker.
// It never returns. Where the process is a worker of another App, the caller
// waits here for its end.
func (p *program) becomeWorker() {
	switch cmp.Or(os.Getenv(envProgram), "0") {
	case strconv.Itoa(p.number):
		exitOnce.Do(func() { exitWith(errors.Join(p.runWorker(), p.app.hooks.call(context.Background(), p.app.log))) })
	case "0": // of a master that serves a config and no code
		exitOnce.Do(func() { exitWith(RunWorker()) })
	}
	select {}
}

// becomeWorker is that of the program, unless the worker is of a server that only
// its own start can serve: then the caller waits for that.
func (s *Server) becomeWorker() {
	if name := os.Getenv(envServer); name != "" && name != s.name {
		select {}
	}
	s.app.program.becomeWorker()
}

// exitOnce is for programs that start several servers in goroutines of their own:
// one of them ends the process.
var exitOnce sync.Once

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runWorker is RunWorker with the routes that the program registered.
func (p *program) runWorker() error {
	os.Unsetenv(envProgram)
	os.Unsetenv(envServer)
	return serving.RunWorker(func(listener string) serving.Program { return ofListener{p, listener} })
}
