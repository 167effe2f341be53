//go:build linux

package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// peer is a kind of server that is measured.
type peer struct {
	name string
	// path of its binary.
	path string
	// files are its configuration, by name.
	files func(ports, string) map[string]string
	// args to start it with, in the foreground.
	args []string
	// lacks are the cases it has nothing for.
	lacks string
	// version is what it says of itself.
	version string
}

// ports of one server, and of the backend behind it.
type ports struct{ clear, tls, backend int }

const (
	ours     = "rockstar-tui"
	baseline = "nginx"
	greeting = "Hello, World!"
)

// prepare finds and builds what can be measured.
func (b *bench) prepare(ctx context.Context) error {
	for _, tool := range []string{"wrk", "taskset", "nginx"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w; on Debian: apt-get install wrk nghttp2-client nginx-light haproxy util-linux", err)
		}
	}
	if err := b.content(); err != nil {
		return err
	}
	if b.program == "" {
		b.program = filepath.Join(b.dir, ours)
		if err := build(ctx, "", b.program, "."); err != nil {
			return err
		}
	}
	if b.caddy == "" {
		b.caddy = b.buildCaddy(ctx)
	}
	b.find(ctx)
	return nil
}

// find lists the servers that are there, ours first.
func (b *bench) find(ctx context.Context) {
	nginx, _ := exec.LookPath("nginx")
	haproxy, err := exec.LookPath("haproxy")
	b.peers = []*peer{
		{name: ours, path: b.program, files: ourFiles, args: []string{"serve", "-c", "ours.yaml", "--socket", "control.sock"}},
		{name: baseline, path: nginx, files: nginxFiles, args: []string{"-p", ".", "-e", "error.log", "-c", "nginx.conf"}, lacks: "http3", version: say1(ctx, nginx, "-v")},
	}
	if err == nil {
		b.peers = append(b.peers, &peer{name: "HAProxy", path: haproxy, files: haproxyFiles, args: []string{"-db", "-f", "haproxy.cfg"},
			lacks: "file http3", version: say1(ctx, haproxy, "-v")})
	}
	if b.caddy != "none" {
		b.peers = append(b.peers, &peer{name: "Caddy", path: b.caddy, files: caddyFiles, args: []string{"run", "--config", "Caddyfile"},
			version: caddyVersion(b.caddy)})
	}
	if name, path, ok := strings.Cut(b.beside, "="); ok {
		other := *b.peers[0]
		other.name, other.path, other.version = name, path, name
		b.peers = append(b.peers, &other)
	}
}

// say1 is the first line a program prints.
func say1(ctx context.Context, name string, args ...string) string {
	out, _ := exec.CommandContext(ctx, name, args...).CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// caddyVersion is that of the module it was built from.
func caddyVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "Caddy"
	}
	for _, dep := range append(info.Deps, &info.Main) {
		if dep.Path == caddyModule {
			return "Caddy " + dep.Version
		}
	}
	return "Caddy"
}

func build(ctx context.Context, dir, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

const caddyModule = "github.com/caddyserver/caddy/v2"

// buildCaddy uses a module of its own, outside of the repository.
func (b *bench) buildCaddy(ctx context.Context) string {
	say("building Caddy from %s; -caddy none leaves it out", caddyModule)
	dir := filepath.Join(b.dir, "caddy-module")
	os.Mkdir(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module caddybench\n\ngo 1.26\n"), 0o644)
	get := exec.CommandContext(ctx, "go", "get", caddyModule+"/cmd/caddy@latest")
	get.Dir = dir
	out := filepath.Join(b.dir, "caddy")
	text, err := get.CombinedOutput()
	if err == nil {
		err = build(ctx, dir, out, caddyModule+"/cmd/caddy")
	}
	if err != nil {
		say("Caddy is left out: %v\n%s", err, text)
		return "none"
	}
	return out
}

// content are the files that are served, and a certificate.
func (b *bench) content() error {
	for name, size := range map[string]int{"1k": 1 << 10, "100k": 100 << 10, "10m": 10 << 20} {
		if err := os.MkdirAll(filepath.Join(b.dir, "files"), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(b.dir, "files", name), []byte(strings.Repeat("x", size)), 0o644); err != nil {
			return err
		}
	}
	os.Chmod(b.dir, 0o755) // workers of nginx give up their rights
	return writeCertificate(filepath.Join(b.dir, "cert.pem"), filepath.Join(b.dir, "key.pem"))
}

func ourFiles(p ports, dir string) map[string]string {
	routes := fmt.Sprintf(`
    routes:
      - {match: "/hello", respond: {body: %q}}
      - {match: "/files/", files: {root: %s/files}}
      - {match: "/proxy", proxy: {pool: backend}}
`, greeting, dir)
	text := fmt.Sprintf(`version: 1
defaults:
  timeouts: {idle: 10m}
  limits: {max_connections: 0}
listeners:
  clear:
    address: 127.0.0.1:%d%s`, p.clear, routes)
	if p.tls != 0 {
		text += fmt.Sprintf(`  tls:
    protocol: http2
    address: 127.0.0.1:%d
    tls: {cert_file: %s/cert.pem, key_file: %s/key.pem}%s`, p.tls, dir, dir, routes)
		text += fmt.Sprintf(`  quic:
    protocol: quic
    address: 127.0.0.1:%d
    tls: {cert_file: %s/cert.pem, key_file: %s/key.pem}%s`, p.tls, dir, dir, routes)
	}
	text += fmt.Sprintf("pools:\n  backend: {backends: {one: {url: \"http://127.0.0.1:%d\"}}}\n", p.backend)
	return map[string]string{"ours.yaml": text}
}

func nginxFiles(p ports, dir string) map[string]string {
	var upstream, locations, tls string
	if p.backend != 0 {
		upstream = fmt.Sprintf("upstream backend { server 127.0.0.1:%d; keepalive 512; keepalive_requests 1000000000; }", p.backend)
		locations = `location = /proxy { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection ""; }`
	}
	if p.tls != 0 {
		tls = fmt.Sprintf("listen 127.0.0.1:%d ssl http2; ssl_certificate %s/cert.pem; ssl_certificate_key %s/key.pem;", p.tls, dir, dir)
	}
	return map[string]string{"nginx.conf": fmt.Sprintf(`daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
events { worker_connections 16384; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 600;
  keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  %s
  server {
    listen 127.0.0.1:%d backlog=4096;
    %s
    default_type text/plain;
    location = /hello { return 200 %q; }
    location /files/ { root %s; }
    %s
    location / { return 200 %q; }
  }
}
`, upstream, p.clear, tls, greeting, dir, locations, greeting)}
}

func haproxyFiles(p ports, dir string) map[string]string {
	tls := ""
	if p.tls != 0 {
		tls = fmt.Sprintf("bind 127.0.0.1:%d ssl crt %s/both.pem alpn h2,http/1.1", p.tls, dir)
	}
	return map[string]string{"haproxy.cfg": fmt.Sprintf(`global
  maxconn 12000
  nbthread 1
  no strict-limits
defaults
  mode http
  timeout client 600s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 600s
frontend clear
  bind 127.0.0.1:%d backlog 4096
  %s
  http-request return status 200 content-type text/plain string %q if { path /hello }
  default_backend backend
backend backend
  http-reuse always
  server one 127.0.0.1:%d
`, p.clear, tls, greeting, p.backend)}
}

func caddyFiles(p ports, dir string) map[string]string {
	site := fmt.Sprintf(` {
	%%s
	respond /hello %q
	handle_path /files/* {
		root * %s/files
		file_server
	}
	handle /proxy {
		reverse_proxy 127.0.0.1:%d
	}
}
`, greeting, dir, p.backend)
	text := "{\n\tadmin off\n\tpersist_config off\n\tauto_https off\n}\n"
	text += fmt.Sprintf("http://127.0.0.1:%d"+site, p.clear, "")
	if p.tls != 0 {
		text += fmt.Sprintf("https://127.0.0.1:%d"+site, p.tls, fmt.Sprintf("tls %s/cert.pem %s/key.pem", dir, dir))
	}
	return map[string]string{"Caddyfile": text}
}
