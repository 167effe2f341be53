//go:build linux

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// plainWorker as first argument makes this program a worker of plainPrefork.
const plainWorker = "plain-worker"

// runPlainWorker serves the way such servers are mostly written: a socket of its
// own with SO_REUSEPORT, net/http, and Shutdown when it is told to end.
func runPlainWorker() {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if e := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }); e != nil {
			return e
		}
		return err
	}}
	ln, err := config.Listen(context.Background(), "tcp", os.Args[2])
	if err != nil {
		say("%v", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, greeting) })}
	go server.Serve(ln)
	os.Stdout.WriteString("ready\n")
	<-ctx.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	server.Shutdown(ctx)
}

// plainPrefork keeps such workers.
type plainPrefork struct {
	address string
	workers []*exec.Cmd
	ended   []chan struct{}
}

// replace starts n workers, waits until they accept, and ends those before.
func (p *plainPrefork) replace(n int) error {
	old := p.workers
	p.workers = nil
	for range n {
		if err := p.spawn(); err != nil {
			return err
		}
	}
	for _, w := range old {
		w.Process.Signal(syscall.SIGTERM)
	}
	return nil
}

func (p *plainPrefork) spawn() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, plainWorker, p.address)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	p.workers, p.ended = append(p.workers, cmd), append(p.ended, ended)
	return err
}

// stop ends all workers there ever were.
func (p *plainPrefork) stop() {
	p.replace(0)
	for _, ended := range p.ended {
		<-ended
	}
}
