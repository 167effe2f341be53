//go:build unix

package runtime_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// stage is what the kinds of change are made on: web has connections idle and
// within a request, other is touched by none of the changes.
const stage = `
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    prefork: {workers: %d}
    %s
    routes:
      - {match: "GET /hello", respond: {body: "hello"}}
      - {match: "GET /slow", proxy: {pool: api}}
  other:
    address: 127.0.0.1:0
    routes: [{match: "GET /hello", respond: {body: "hello"}}]
pools:
  api: {backends: {a: {url: "%s"}, b: {url: "%s"}}}
  spare: {backends: {a: {url: "%s"}}}
`

// kinds of change, with the worst effect that the plan tells and how many
// workers serve before. Words in braces stand for what is known at run time.
var kinds = []struct {
	name, more string
	workers    int
	edits      []string // "-path" unsets
	effect     config.Effect
}{
	{"longer read timeout", "", 0, []string{"listeners.web.timeouts.read=20s"}, config.Live},
	{"no read timeout", "", 0, []string{"listeners.web.timeouts.read=0s"}, config.Live},
	{"read header timeout", "", 2, []string{"listeners.web.timeouts.read_header=9s"}, config.Live},
	{"longer write timeout", "", 2, []string{"listeners.web.timeouts.write=1h"}, config.Live},
	{"longer idle timeout", "", 2, []string{"listeners.web.timeouts.idle=1h"}, config.Live},
	{"idle timeout that some have overstayed", "", 0, []string{"listeners.web.timeouts.idle=250ms"}, config.Live},
	{"the same in workers", "", 2, []string{"listeners.web.timeouts.idle=250ms"}, config.Live},
	{"shutdown timeout", "", 2, []string{"listeners.web.timeouts.shutdown=9s"}, config.Live},
	{"keep-alive off", "", 0, []string{"listeners.web.keep_alive.enabled=false"}, config.Drain},
	{"keep-alive off in workers", "", 2, []string{"listeners.web.keep_alive.enabled=false"}, config.Drain},
	{"keep-alive period", "", 2, []string{"listeners.web.keep_alive.period=9s"}, config.Live},
	{"more idle connections", "", 2, []string{"listeners.web.keep_alive.max_conns=1000"}, config.Live},
	{"read buffer", "", 0, []string{"listeners.web.buffers.read=8KiB"}, config.Live},
	{"write buffer", "", 2, []string{"listeners.web.buffers.write=8KiB"}, config.Live},
	{"header limit", "", 2, []string{"listeners.web.limits.max_header_bytes=2KiB"}, config.Live},
	{"fewer connections than are open", "", 0, []string{"listeners.web.limits.max_connections=1"}, config.Live},
	{"body limit", "", 2, []string{"listeners.web.limits.max_request_bytes=1KiB"}, config.Live},
	{"accept rate", "", 2, []string{"listeners.web.limits.accept_rate=1000"}, config.Live},
	{"all timeouts of the defaults", "timeouts: {idle: 5m}", 2, []string{"defaults.timeouts={read: 8s, write: 1h, read_header: 3s, idle: 1h}"}, config.Live},
	{"defaults that are overridden", "timeouts: {idle: 5m}", 0, []string{"defaults.timeouts.idle=1ms", "listeners.other.timeouts.idle=5m"}, config.Live},
	{"unset a timeout", "timeouts: {idle: 5m}", 2, []string{"-listeners.web.timeouts.idle"}, config.Live},
	{"stop", "", 0, []string{"listeners.web.enabled=false"}, config.Drain},
	{"stop workers", "", 2, []string{"listeners.web.enabled=false"}, config.Drain},
	{"remove", "", 0, []string{"-listeners.web"}, config.Drain},
	{"remove with workers", "", 2, []string{"-listeners.web"}, config.Drain},
	{"another port", "", 0, []string{"listeners.web.address={free}"}, config.Rebind},
	{"another port with workers", "", 2, []string{"listeners.web.address={free}"}, config.Rebind},
	{"more workers", "", 2, []string{"listeners.web.prefork.workers=4"}, config.Live},
	{"fewer workers", "", 3, []string{"listeners.web.prefork.workers=1"}, config.Drain},
	{"into workers", "", 0, []string{"listeners.web.prefork.workers=2"}, config.Drain},
	{"out of workers", "", 2, []string{"listeners.web.prefork.workers=0"}, config.Drain},
	{"workers by the number of processors", "", 1, []string{"listeners.web.prefork.workers=auto"}, config.Live},
	{"HTTP/2 in clear", "", 0, []string{"listeners.web.protocol=http2", "listeners.web.h2c=true"}, config.Drain},
	{"HTTP/2 in clear with workers", "", 2, []string{"listeners.web.protocol=http2", "listeners.web.h2c=true"}, config.Drain},
	{"no HTTP/2 any more", "protocol: http2\n    h2c: true", 0, []string{"listeners.web.protocol=http", "listeners.web.h2c=false"}, config.Drain},
	{"TLS", "", 0, []string{"listeners.web.tls={cert_file: {cert}, key_file: {key}}"}, config.Drain},
	{"TLS in workers", "", 2, []string{"listeners.web.tls={cert_file: {cert}, key_file: {key}}"}, config.Drain},
	{"QUIC", "", 0, []string{"listeners.web.protocol=quic", "listeners.web.tls={cert_file: {cert}, key_file: {key}}"}, config.Rebind},
	{"other routes", "", 2, []string{`listeners.web.routes=[{match: "GET /hello", respond: {body: "hello"}}]`}, config.Live},
	{"no routes", "", 0, []string{"listeners.web.routes=[]"}, config.Live},
	{"one listener more", "", 2, []string{"listeners.more={address: '{free}'}"}, config.Live},
	{"a disabled listener more", "", 0, []string{"listeners.more={address: '{free}', enabled: false}"}, config.Live},
	{"one pool more", "", 2, []string{"pools.more={backends: {a: {url: '{backend}'}}}"}, config.Live},
	{"one pool less", "", 2, []string{"-pools.spare"}, config.Drain},
	{"one backend more", "", 2, []string{"pools.api.backends.c={url: '{backend}'}"}, config.Live},
	{"one backend less", "", 2, []string{"-pools.api.backends.a"}, config.Drain},
	{"a backend moves", "", 0, []string{"pools.api.backends.a.url={moved}"}, config.Drain},
	{"weight", "", 2, []string{"pools.api.backends.a.weight=9"}, config.Live},
	{"balance", "", 2, []string{"pools.api.balance=random"}, config.Live},
	{"fewer connections to backends", "", 0, []string{"pools.api.max_conns=1"}, config.Live},
	{"wait for a connection", "", 2, []string{"pools.api.max_wait=1s"}, config.Live},
	{"idle connections to backends", "", 0, []string{"pools.api.idle_timeout=1s"}, config.Live},
	{"dial timeout", "", 2, []string{"pools.api.dial_timeout=1s"}, config.Live},
	{"read timeout of backends", "", 0, []string{"pools.api.read_timeout=1h"}, config.Live},
	{"headers of backends", "", 2, []string{"pools.api.max_header_bytes=32KiB"}, config.Live},
	{"several at once", "", 2, []string{"listeners.web.timeouts.idle=1h", "listeners.web.prefork.workers=1", "pools.api.balance=random"}, config.Drain},
}

// TestPlansComeTrue makes each kind of change on connections that are idle and
// within a request. The plan said before how many would end: so many do, and
// none within its request.
func TestPlansComeTrue(t *testing.T) {
	cert, key, _ := pair(t)
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := newSlowBackend(t)
			from, err := config.Parse("", fmt.Appendf(nil, stage, k.workers, k.more, b.URL, b.URL, b.URL))
			if err != nil {
				t.Fatal(err)
			}
			app := start(t, runtime.Options{Config: from})
			clients := connect(t, app, b)
			change := changeOf(t, from, strings.NewReplacer("{free}", freeAddress(t), "{cert}", cert, "{key}", key, "{backend}", b.URL, "{moved}", strings.Replace(b.URL, "127.0.0.1", "localhost", 1)), k.edits)
			plan, err := app.Plan(t.Context(), change)
			if err != nil {
				t.Fatal(err)
			}
			if worst := worstOf(plan.Changes); worst != k.effect {
				t.Errorf("effect %s, want %s: %+v", worst, k.effect, plan.Changes)
			}
			change.Base = plan.Generation
			if _, err := app.Apply(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			ends := drainedBy(plan, "web")
			if k.effect == config.Live && ends > 0 { // asking one in the meantime would keep it
				await(t, app, "web", "what has overstayed to end", func(l control.ListenerInfo) bool {
					return int(l.Connections.Idle) <= idleClients-ends
				})
			}
			close(b.release)
			clients.check(t, ends)
		})
	}
}

// changeOf makes a change of edits: a patch, or where something is taken away a
// whole config, for to unset is to go back to what the file says.
func changeOf(t *testing.T, from *config.Config, known *strings.Replacer, edits []string) (c control.Change) {
	t.Helper()
	taken := false
	for _, e := range edits {
		e = known.Replace(e)
		if path, unset := strings.CutPrefix(e, "-"); unset {
			c.Patch, taken = append(c.Patch, config.Edit{Path: path, Unset: true}), true
		} else {
			c.Patch = append(c.Patch, patch(e)...)
		}
	}
	if taken {
		to, err := from.With(c.Patch)
		if err != nil {
			t.Fatal(err)
		}
		c = control.Change{Config: string(to.YAML())}
	}
	return c
}

func worstOf(changes []config.Change) (worst config.Effect) {
	rank := map[config.Effect]int{config.Live: 1, config.Drain: 2, config.Rebind: 3, config.Restart: 4}
	for _, c := range changes {
		if rank[c.Effect] > rank[worst] {
			worst = c.Effect
		}
	}
	return worst
}

// drainedBy is how many connections of a listener end, as the plan has it.
func drainedBy(p *control.Plan, listener string) int {
	for _, l := range p.Listeners {
		if l.Name == listener {
			return l.Drained
		}
	}
	return 0
}

// slowBackend answers when it is released, and tells how many wait.
type slowBackend struct {
	*httptest.Server
	release, arrived chan struct{}
}

func newSlowBackend(t *testing.T) *slowBackend {
	b := &slowBackend{release: make(chan struct{}), arrived: make(chan struct{}, 100)}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.arrived <- struct{}{}
		<-b.release
		fmt.Fprint(w, "hello")
	}))
	t.Cleanup(b.Close)
	return b
}

// clients of the stage.
type clients struct{ idle, active, bystanders []*client }

// client is one connection, by hand.
type client struct {
	net.Conn
	r *bufio.Reader
}

const activeClients, idleClients = 3, 6

func connect(t *testing.T, app *runtime.App, b *slowBackend) *clients {
	t.Helper()
	c := &clients{}
	for range idleClients {
		c.idle = append(c.idle, dialClient(t, app, "web"))
		c.bystanders = append(c.bystanders, dialClient(t, app, "other"))
	}
	for range activeClients {
		a := dialClient(t, app, "web")
		a.send(t, "/slow")
		c.active = append(c.active, a)
		<-b.arrived
	}
	await(t, app, "web", "all connections counted", func(l control.ListenerInfo) bool {
		return l.Connections.Active == activeClients && l.Connections.Idle == idleClients
	})
	time.Sleep(300 * time.Millisecond) // the age that some kinds of change are about
	return c
}

func dialClient(t *testing.T, app *runtime.App, listener string) *client {
	t.Helper()
	return dialPath(t, info(t, app, listener).Address, "/hello")
}

// dialPath opens a connection and makes a first request on it.
func dialPath(t *testing.T, address, path string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{conn, bufio.NewReader(conn)}
	c.send(t, path)
	if alive, err := c.receive(); err != nil || !alive {
		t.Fatalf("first request: %v, kept alive: %t", err, alive)
	}
	return c
}

func (c *client) send(t *testing.T, path string) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		t.Logf("send: %v", err)
	}
}

// receive reads a response and reports whether the connection goes on.
func (c *client) receive() (alive bool, err error) {
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	return !resp.Close, nil
}

// goesOn asks once more on the connection.
func (c *client) goesOn(t *testing.T) bool {
	c.send(t, "/hello")
	alive, err := c.receive()
	return err == nil && alive
}

// check counts what ended against what was said.
func (c *clients) check(t *testing.T, want int) {
	t.Helper()
	ended, kept := 0, []*client(nil)
	for i, a := range c.active {
		alive, err := a.receive()
		if err != nil {
			t.Errorf("request %d under way was lost: %v", i, err)
		}
		if alive {
			kept = append(kept, a)
		} else {
			ended++
		}
	}
	// What drains learns of it in its own time.
	rest := append(c.idle, kept...)
	for deadline := time.Now().Add(5 * time.Second); ; {
		rest = slices.DeleteFunc(rest, func(one *client) bool {
			ends := !one.goesOn(t)
			if ends {
				ended++
			}
			return ends
		})
		if ended >= want || time.Now().After(deadline) {
			break
		}
	}
	for _, b := range c.bystanders {
		if !b.goesOn(t) {
			t.Error("a connection of a listener that is not touched has ended")
		}
	}
	if ended != want {
		t.Errorf("%d of %d connections ended, the plan said %d", ended, len(c.idle)+len(c.active), want)
	}
}
