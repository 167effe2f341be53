package judge_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
)

// pace is how long a proof takes. The short one, of make check, sets short
// clocks; the long one, of make prove, leaves the defaults.
type pace struct {
	clock     time.Duration // read, read_header and write; 0 leaves their defaults
	download  int           // bytes
	downRate  int           // bytes per second
	upload    int
	upRate    int
	silence   time.Duration // between two events, longer than the clock
	endWithin time.Duration // how soon a client that does nothing is ended
}

func paced() pace {
	if os.Getenv("JUDGE_LONG") != "" {
		return pace{
			download: 60 << 20, downRate: 2 << 20, upload: 6 << 20, upRate: 200 << 10,
			silence: 15 * time.Second, endWithin: 25 * time.Second,
		}
	}
	return pace{
		clock: 2 * time.Second, download: 10 << 20, downRate: 2 << 20, upload: 1 << 20, upRate: 200 << 10,
		silence: 3 * time.Second, endWithin: 9 * time.Second,
	}
}

// place is a kind of route on a protocol.
type place struct {
	kind string // mount, proxy, files or respond
	target
	prefix string
}

func (p place) String() string { return p.kind + " " + string(p.protocol) }

func (p place) of(kinds string) bool { return strings.Contains(kinds, p.kind) }

// patient is what is mounted, and what the backend behind the proxy routes is.
func patient() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/download", func(w http.ResponseWriter, r *http.Request) {
		size, _ := strconv.Atoi(r.URL.Query().Get("size"))
		for piece := bytes.Repeat([]byte("x"), 32<<10); size > 0; {
			n, err := w.Write(piece[:min(size, len(piece))])
			if size -= n; err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		every, _ := time.ParseDuration(r.URL.Query().Get("every"))
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush()
			select {
			case <-time.After(every):
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprint(w, n)
	})
	mux.Handle("/judge.Echo/", echoService())
	return mux
}

// site starts the program with a config, and a program of the Go API beside it,
// and lists all places where they serve.
func site(t *testing.T, p pace) []place {
	t.Helper()
	certFile, keyFile, trust := certificate(t)
	var places []place
	for protocol, addr := range mountSite(t, p, certFile, keyFile) {
		places = append(places, place{"mount", target{protocol, addr, trust}, ""})
	}
	for protocol, addr := range programSite(t, p, certFile, keyFile) {
		for _, kind := range []string{"proxy", "files", "respond"} {
			places = append(places, place{kind, target{protocol, addr, trust}, "/" + kind})
		}
	}
	return places
}

func mountSite(t *testing.T, p pace, certFile, keyFile string) servers {
	app, err := runtime.New(runtime.FrameworkConfig{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	app.Router().Mount("/", patient())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		app.Shutdown(ctx)
	})
	at := servers{}
	for _, protocol := range protocols {
		at[protocol] = serve(t, app, protocol, runtime.ServerConfig{
			ReadTimeout: p.clock, ReadHeaderTimeout: p.clock, WriteTimeout: p.clock,
		}, certFile, keyFile)
	}
	return at
}

// programSite runs the built program with a file of the usual routes.
func programSite(t *testing.T, p pace, certFile, keyFile string) servers {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "download"), make([]byte, 64<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewServer(http.StripPrefix("/proxy", patient()))
	t.Cleanup(func() { backend.CloseClientConnections(); backend.Close() })
	at := servers{}
	var config strings.Builder
	fmt.Fprintln(&config, "version: 1")
	if p.clock > 0 {
		fmt.Fprintf(&config, "defaults: {timeouts: {read: %v, read_header: %v, write: %v}}\n", p.clock, p.clock, p.clock)
	}
	fmt.Fprintf(&config, "pools: {back: {backends: {one: {url: %q}}}}\nlisteners:\n", backend.URL)
	for _, protocol := range protocols {
		at[protocol] = freeAddress(t)
		more := map[string]string{"h1": "http", "h1tls": "http", "h2": "http2", "h2c": "http2, h2c: true", "h3": "quic"}[string(protocol)]
		if protocol.secure() {
			more += fmt.Sprintf(", tls: {cert_file: %q, key_file: %q}", certFile, keyFile)
		}
		fmt.Fprintf(&config, "  %s:\n    {address: %q, protocol: %s, routes: [\n", protocol, at[protocol], more)
		fmt.Fprintf(&config, "      {match: /files/, files: {root: %q}},\n", dir)
		fmt.Fprintf(&config, "      {match: /respond/, respond: {body: %q}},\n", strings.Repeat("x", 1<<20))
		fmt.Fprintf(&config, "      {match: /, proxy: {pool: back}}]}\n")
	}
	file := filepath.Join(dir, "rockstar.yaml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, dir, file, at)
	return at
}

// start builds the program, starts it with file and waits until it serves.
func start(t *testing.T, dir, file string, at servers) {
	t.Helper()
	binary := filepath.Join(dir, "rockstar-tui")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	home, err := os.MkdirTemp("", "judge") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	var log bytes.Buffer
	cmd := exec.Command(binary, "serve", "-c", file)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_STATE_HOME="+home, "XDG_RUNTIME_DIR="+home, "ROCKSTAR_SOCKET="+filepath.Join(home, "c.sock"), "ROCKSTAR_CONFIG=")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("the program's log, from its end:\n%s", log.Bytes()[max(0, log.Len()-4000):])
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", at[h2]); err == nil {
			conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the program ended: %v\n%s", err, &log)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the program does not serve")
		}
	}
}

// freeAddress is one below the ports that the system gives to clients, or one of
// them could take it.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000)))
		if err == nil {
			defer ln.Close()
			return ln.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}
