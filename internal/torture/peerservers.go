//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// findPeers lists the servers there are. Those that are not installed are left out.
func findPeers(ctx context.Context, o options, dir string) ([]*peer, error) {
	s := &site{options: o, dir: dir, program: o.program}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	peers := []*peer{
		{"rockstar-tui", s.version, "its file changes (a route, the number of workers), `rockstar-tui reload`, then `restart` of each worker", s.startOurs},
		{"plain SO_REUSEPORT prefork", "Go's net/http with Shutdown, internal/torture/plain.go", "new workers start, SIGTERM to the old ones when those accept", startPlain},
	}
	if path, err := exec.LookPath("nginx"); err == nil {
		v := firstLine(path, "-v")
		peers = append(peers,
			&peer{"nginx", v, "`nginx -s reload`", func(at peerPlace, n int) (peerServer, error) { return startNginx(path, "", at, n) }},
			&peer{"nginx reuseport", v, "`nginx -s reload`", func(at peerPlace, n int) (peerServer, error) { return startNginx(path, " reuseport", at, n) }})
	} else {
		say("left out: nginx: %v", err)
	}
	if path, err := exec.LookPath("haproxy"); err == nil {
		v := firstLine(path, "-v")
		for _, how := range []struct{ name, mode, command string }{
			{"HAProxy master-worker", "-W", "SIGUSR2 to `haproxy -W`"},
			{"HAProxy -sf -x", "-x", "`haproxy -f FILE -x SOCKET -sf PID`"},
			{"HAProxy -sf", "", "`haproxy -f FILE -sf PID`"},
		} {
			peers = append(peers, &peer{how.name, v, how.command, func(at peerPlace, n int) (peerServer, error) { return startHAProxy(path, how.mode, at, n) }})
		}
	} else {
		say("left out: HAProxy: %v", err)
	}
	return peers, nil
}

func firstLine(name string, args ...string) string {
	out, _ := exec.Command(name, args...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// process is a program in the foreground, with its log in a directory.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func startProcess(dir, name string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.ended)
		p.cmd.Wait()
	}()
	return p, nil
}

// end asks the process to end, and insists after a while.
func (p *process) end() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// nginx is its master process.
type nginx struct {
	*process
	at           peerPlace
	path, listen string
}

func startNginx(path, reuseport string, at peerPlace, workers int) (peerServer, error) {
	n := &nginx{at: at, path: path, listen: fmt.Sprintf("%s backlog=4096%s", at.address(), reuseport)}
	if err := n.write(workers); err != nil {
		return nil, err
	}
	var err error
	n.process, err = startProcess(at.dir, path, n.args()...)
	return n, err
}

func (n *nginx) args(more ...string) []string {
	return append([]string{"-p", n.at.dir, "-e", "error.log", "-c", filepath.Join(n.at.dir, "nginx.conf")}, more...)
}

func (n *nginx) write(workers int) error {
	_, err := n.at.config("nginx.conf", fmt.Sprintf(`daemon off;
worker_processes %d;
pid nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  default_type text/plain;
  server {
    listen %s;
    location / { return 200 %q; }
  }
}
`, workers, n.listen, greeting))
	return err
}

func (n *nginx) reload(workers int) error {
	if err := n.write(workers); err != nil {
		return err
	}
	if text, err := exec.Command(n.path, n.args("-s", "reload")...).CombinedOutput(); err != nil {
		return fmt.Errorf("nginx -s reload: %w: %s", err, text)
	}
	return nil
}

func (n *nginx) stop() { n.end() }

// haproxy is a master with workers, or one process after the other.
type haproxy struct {
	at         peerPlace
	path, mode string
	all        []*process
}

func startHAProxy(path, mode string, at peerPlace, threads int) (peerServer, error) {
	h := &haproxy{at: at, path: path, mode: mode}
	if err := h.write(threads); err != nil {
		return nil, err
	}
	if mode == "-W" {
		return h, h.run("-W")
	}
	return h, h.run("-db")
}

func (h *haproxy) run(args ...string) error {
	p, err := startProcess(h.at.dir, h.path, append([]string{"-f", "haproxy.cfg"}, args...)...)
	if err == nil {
		h.all = append(h.all, p)
	}
	return err
}

func (h *haproxy) write(threads int) error {
	_, err := h.at.config("haproxy.cfg", fmt.Sprintf(`global
  nbthread %d
  no strict-limits
  maxconn 4000
  stats socket %s/stats.sock mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend all
  bind %s backlog 4096
  http-request return status 200 content-type text/plain string %q
`, threads, h.at.dir, h.at.address(), greeting))
	return err
}

func (h *haproxy) reload(threads int) error {
	if err := h.write(threads); err != nil {
		return err
	}
	current := h.all[len(h.all)-1]
	pid := strconv.Itoa(current.cmd.Process.Pid)
	switch h.mode {
	case "-W":
		return current.cmd.Process.Signal(syscall.SIGUSR2)
	case "-x":
		return h.run("-db", "-x", filepath.Join(h.at.dir, "stats.sock"), "-sf", pid)
	default:
		return h.run("-db", "-sf", pid)
	}
}

func (h *haproxy) stop() {
	for _, p := range h.all {
		p.end()
	}
}

func startPlain(at peerPlace, workers int) (peerServer, error) {
	p := &plainServer{plainPrefork{address: at.address()}}
	return p, p.replace(workers)
}

type plainServer struct{ plainPrefork }

func (p *plainServer) reload(workers int) error { return p.replace(workers) }

// ours is rockstar-tui, driven as an operator would.
type ours struct {
	*process
	*site
	at    peerPlace
	round int
}

func (s *site) startOurs(at peerPlace, workers int) (peerServer, error) {
	mine := *s
	mine.dir = at.dir
	r := &ours{site: &mine, at: at}
	if err := r.write(workers); err != nil {
		return nil, err
	}
	var err error
	r.process, err = startProcess(at.dir, s.program, "serve", "-c", "rockstar.yaml", "--socket", mine.path("control.sock"))
	return r, err
}

func (r *ours) write(workers int) error {
	r.round++
	_, err := r.at.config("rockstar.yaml", fmt.Sprintf(`version: 1
listeners:
  web:
    address: %q
    prefork: {workers: %d}
    routes:
      - {match: /hello, respond: {body: %q}}
      - {match: /round/%d, respond: {status: 204}}
`, r.at.address(), workers, greeting, r.round))
	return err
}

// reload changes what the file says, and replaces every worker as well: the
// others cannot do the one without the other.
func (r *ours) reload(workers int) error {
	if err := r.write(workers); err != nil {
		return err
	}
	ctx := context.Background()
	if err := r.do(ctx, "reload"); err != nil {
		return err
	}
	if r.rolls {
		return r.do(ctx, "restart", web)
	}
	for id := range workers {
		if err := r.do(ctx, "restart", web, strconv.Itoa(id)); err != nil {
			return err
		}
	}
	return nil
}

func (r *ours) stop() { r.end() }
