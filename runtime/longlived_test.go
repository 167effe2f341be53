//go:build unix

package runtime_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// chatty is an App whose web forwards to a backend that switches to an echo on
// /chat and sends an event at once, and no more, on /events.
func chatty(t *testing.T, workers int) *runtime.App {
	t.Helper()
	over := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
			<-over
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		io.Copy(c, rw)
	}))
	t.Cleanup(backend.Close)
	t.Cleanup(func() { close(over) })
	return open(t, fmt.Sprintf(`
version: 1
listeners:
  web:
    address: 127.0.0.1:0
    prefork: {workers: %d}
    timeouts: {shutdown: 20s}
    routes: [{match: /, proxy: {pool: api}}]
pools: {api: {backends: {a: {url: '%s'}}}}
`, workers, backend.URL))
}

// begin sends a request and reads as far as until.
func begin(t *testing.T, app *runtime.App, request, until string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", info(t, app, "web").Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprint(c, request)
	r, seen := bufio.NewReader(c), ""
	for !strings.HasSuffix(seen, until) {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatalf("read %q, then %v", seen, err)
		}
		seen += string(b)
	}
	return c, r
}

func echoes(c net.Conn, r *bufio.Reader, text string) error {
	fmt.Fprint(c, text)
	got := make([]byte, len(text))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != text {
		return fmt.Errorf("echoed %q, %w", got, err)
	}
	return nil
}

const wantChat = "GET /chat?token=secret HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"

func TestWhatLastsIsListedAndLivesUntilTheDeadline(t *testing.T) {
	for name, workers := range map[string]int{"in process": 0, "preforked": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := chatty(t, workers)
			chat, heard := begin(t, app, wantChat, "\r\n\r\n")
			events, news := begin(t, app, "GET /events HTTP/1.1\r\nHost: t\r\n\r\n", "data: 1\n\n")
			if err := echoes(chat, heard, "hello"); err != nil {
				t.Fatal(err)
			}
			page, err := app.Connections(t.Context(), control.Query{Listener: "web"})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Connections {
				want := "websocket GET /chat"
				if c.Peer == events.LocalAddr().String() {
					want = "http/1.1 GET /events"
				}
				if got := c.Protocol + " " + c.Request; got != want || c.State != "active" {
					t.Errorf("listed as %q, %s; want %q", got, c.State, want)
				}
			}
			if len(page.Connections) != 2 {
				t.Errorf("%d connections are listed, want 2", len(page.Connections))
			}
			p, err := app.Plan(t.Context(), control.Change{Patch: patch("listeners.web.enabled=false")})
			if err != nil {
				t.Fatal(err)
			}
			l := p.Listeners[0]
			if len(l.LongLived) != 2 || l.Cut != 2 || l.LongLived[0].Request != "GET /chat" || l.LongLived[0].Peer != chat.LocalAddr().String() || l.LongLived[1].Request != "GET /events" {
				t.Errorf("the plan names %+v, want the chat and the stream", l.LongLived)
			}

			set(t, app, "listeners.web.enabled=false")
			draining(t, app)
			if err := echoes(chat, heard, "still here"); err != nil {
				t.Errorf("while draining: %v", err)
			}
			redrain(t, app, control.Action{Kind: control.DrainNow, Listener: "web", All: true})
			if b, err := heard.ReadByte(); err == nil {
				t.Errorf("the chat goes on: %q", b)
			}
			if rest, _ := io.ReadAll(news); strings.HasSuffix(string(rest), "0\r\n\r\n") {
				t.Errorf("the events look complete: %q", rest)
			}
			await(t, app, "web", "stopped", func(l control.ListenerInfo) bool { return l.State == control.StateStopped })
		})
	}
}

// Idle connections move when a worker is retired, what was taken over stays.
func TestPlansTellWhatIsHandedOver(t *testing.T) {
	app := chatty(t, 1)
	chat, heard := begin(t, app, wantChat, "\r\n\r\n")
	if err := echoes(chat, heard, "x"); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", info(t, app, "web").Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await(t, app, "web", "two connections", func(l control.ListenerInfo) bool { return l.Connections.Active == 1 && l.Connections.Idle == 1 })
	p, err := app.Plan(t.Context(), control.Change{Patch: patch("listeners.web.prefork.workers=0")})
	if err != nil {
		t.Fatal(err)
	}
	if l := p.Listeners[0]; l.Kept != 1 || l.Drained != 1 || len(l.LongLived) != 1 {
		t.Errorf("%d kept, %d drained, long-lived %+v; want one each", l.Kept, l.Drained, l.LongLived)
	}
	set(t, app, "listeners.web.prefork.workers=0")
	await(t, app, "web", "the idle one in the master", func(l control.ListenerInfo) bool {
		return len(l.Workers) == 2 && l.Workers[0].Connections.Active+l.Workers[1].Connections.Active == 1 &&
			l.Workers[0].Connections.Idle+l.Workers[1].Connections.Idle == 1
	})
	if err := echoes(chat, heard, "still here"); err != nil {
		t.Error(err)
	}
	chat.Close()
	await(t, app, "web", "one server", workersReady(1))
}
