//go:build unix

package runtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/internal/rawclient"
	"github.com/echterhof/rockstar-tui/runtime"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// dice make random configs of the same few listeners and pools.
type dice struct {
	*rand.Rand
	addresses map[string][]string // two for each listener
	backend   string
}

func seededDice(t *testing.T, backend string, names ...string) dice {
	seed := time.Now().UnixNano()
	if s, err := strconv.ParseInt(os.Getenv("ROCKSTAR_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("ROCKSTAR_SEED=%d", seed)
	d := dice{rand.New(rand.NewSource(seed)), map[string][]string{}, backend}
	for _, name := range names {
		d.addresses[name] = []string{freeAddress(t), freeAddress(t)}
	}
	return d
}

func (d dice) chance(p float64) bool      { return d.Float64() < p }
func (d dice) pick(from ...string) string { return from[d.Intn(len(from))] }
func (d dice) maybe(p float64, s string) string {
	if d.chance(p) {
		return s
	}
	return ""
}

// config always has the listener anchor, as it is first told.
func (d dice) config(anchor string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\n%s", d.maybe(0.3, "defaults:\n  timeouts: {idle: "+d.pick("90s", "2m", "1h")+"}\n"))
	fmt.Fprintf(&b, "listeners:\n  anchor: {address: %q, timeouts: {idle: 1h}, routes: [{match: /hello, respond: {body: hello}}]}\n", anchor)
	for name, at := range d.addresses {
		if d.chance(0.25) {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n    address: %q\n", name, at[d.Intn(2)])
		b.WriteString(d.maybe(0.2, "    enabled: false\n"))
		b.WriteString(d.maybe(0.15, "    prefork: {workers: "+d.pick("1", "2")+"}\n"))
		b.WriteString(d.maybe(0.2, "    protocol: http2\n    h2c: true\n"))
		b.WriteString(d.maybe(0.5, "    timeouts: {read: "+d.pick("5s", "7s", "1m")+", write: "+d.pick("9s", "10s")+"}\n"))
		b.WriteString(d.maybe(0.3, "    limits: {max_connections: "+d.pick("500", "700")+", max_header_bytes: "+d.pick("2KiB", "64KiB")+"}\n"))
		b.WriteString("    routes:\n      - {match: /id, respond: {body: " + name + "}}\n")
		b.WriteString(d.maybe(0.5, "      - {match: /a, respond: {status: "+d.pick("200", "404", "201")+", body: "+d.pick("x", "y")+"}}\n"))
		b.WriteString(d.maybe(0.4, "      - {match: /p, proxy: {pool: api}}\n"))
	}
	fmt.Fprintf(&b, "pools:\n  api: {balance: %s, max_conns: %s, backends: {a: {url: %q}%s}}\n", d.pick("random", "round_robin", "least_connections"),
		d.pick("8", "16"), d.backend, d.maybe(0.3, fmt.Sprintf(", b: {url: %q, weight: 3}", d.backend)))
	return b.String()
}

// TestAnyConfigFromAnyOther applies random configs one after the other. Each time
// what runs is what a fresh start with that config would be, and connections of
// listeners that are not touched go on. ROCKSTAR_CONFIGS says how many.
func TestAnyConfigFromAnyOther(t *testing.T) {
	steps := 10
	if n, err := strconv.Atoi(os.Getenv("ROCKSTAR_CONFIGS")); err == nil {
		steps = n
	}
	b := newSlowBackend(t)
	close(b.release)
	go func() {
		for range b.arrived {
		}
	}()
	t.Cleanup(func() { close(b.arrived) })
	d, anchor := seededDice(t, b.URL, "a", "b", "c", "d"), freeAddress(t)
	now := parsedConfig(t, d.config(anchor))
	app := start(t, runtime.Options{Config: now})
	ctx, stop := context.WithCancel(t.Context())
	load := rawclient.Start(ctx, rawclient.Options{Address: anchor, Path: "/hello", Clients: 2, Pause: 2 * time.Millisecond})
	for step := range steps {
		kept := openClients(t, app)
		text := d.config(anchor)
		to := parsedConfig(t, text)
		if _, err := app.Apply(t.Context(), control.Change{Config: text}); err != nil {
			t.Fatalf("step %d: %v\n%s", step, err, text)
		}
		for name, c := range kept {
			if untouched(now, to, name) && !c.goesOn(t) {
				t.Fatalf("step %d: a connection of %s, which was not touched, has ended\nfrom\n%s\nto\n%s", step, name, now.YAML(), text)
			}
			c.Close()
		}
		sameAsFresh(t, app, text)
		now = to
	}
	stop()
	if r := load.Wait(); r.Failed() > 0 || r.Reconnects > 0 || r.Requests == 0 {
		t.Errorf("the listener that no step touches: %s", r)
	} else {
		t.Logf("%d configs; beside them %s", steps, r)
	}
}

func parsedConfig(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// openClients opens one connection to each listener that serves.
func openClients(t *testing.T, app *runtime.App) map[string]*client {
	t.Helper()
	all := map[string]*client{}
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.Listeners {
		if l.State == control.StateServing && l.Name != "anchor" {
			all[l.Name] = dialPath(t, l.Address, "/id")
		}
	}
	return all
}

func untouched(from, to *config.Config, listener string) bool {
	a, b := from.Listeners[listener], to.Listeners[listener]
	return reflect.DeepEqual(a, b) && reflect.DeepEqual(from.Pools, to.Pools)
}

// sameAsFresh compares what runs with an App that is started with the config, on
// ports of its own.
func sameAsFresh(t *testing.T, app *runtime.App, text string) {
	t.Helper()
	cfg := parsedConfig(t, regexp.MustCompile(`127\.0\.0\.1:[0-9]+"\n|"127\.0\.0\.1:[0-9]+", timeouts`).ReplaceAllStringFunc(text, func(s string) string {
		if strings.HasSuffix(s, "timeouts") {
			return `"127.0.0.1:0", timeouts`
		}
		return "127.0.0.1:0\"\n"
	}))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	fresh, err := runtime.Open(ctx, runtime.Options{Config: cfg})
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Shutdown(ctx)
	want := settledState(t, fresh)
	var is map[string]string
	eventually(t, "the state of a fresh start", func() bool {
		is = settledState(t, app)
		return reflect.DeepEqual(is, want)
	})
	for name := range want {
		compareAnswers(t, info(t, app, name), info(t, fresh, name))
	}
}

// settledState is what a listener is, without its port, its numbers and its past.
func settledState(t *testing.T, app *runtime.App) map[string]string {
	t.Helper()
	s, err := app.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, l := range s.Listeners {
		text, err := json.Marshal([]any{l.Protocol, l.State, l.Reason, l.Enabled, l.Prefork, l.WorkersWanted, l.WorkersReady,
			len(l.Workers), l.Timeouts, l.Limits})
		if err != nil {
			t.Fatal(err)
		}
		out[l.Name] = string(text)
	}
	return out
}

var plainClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

func compareAnswers(t *testing.T, is, want control.ListenerInfo) {
	t.Helper()
	if want.State != control.StateServing {
		return
	}
	for _, path := range []string{"/id", "/hello", "/a", "/p", "/nothing"} {
		if a, b := answerOf(is.Address, path), answerOf(want.Address, path); a != b {
			t.Fatalf("%s%s answers %s, after a fresh start %s", is.Name, path, a, b)
		}
	}
}

func answerOf(address, path string) string {
	resp, err := plainClient.Get("http://" + address + path)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(body), " ", err)
}

// TestCorruptConfigsChangeNothing spoils a good file in a thousand ways. Each is
// refused with line and column, and nothing has changed.
func TestCorruptConfigsChangeNothing(t *testing.T) {
	d := seededDice(t, "http://127.0.0.1:9", "a", "b")
	app := open(t, inProcess)
	before, refused := stable(t, app), 0
	for refused < 1000 {
		text := d.spoil(d.config("127.0.0.1:9"))
		if _, err := config.Parse("", []byte(text)); err == nil {
			continue // still a good one
		}
		refused++
		_, err := app.Apply(t.Context(), control.Change{Config: text})
		e := control.AsError(err)
		if err == nil || e.Code != control.CodeInvalid || len(e.Details) == 0 {
			t.Fatalf("got %v for\n%s", err, text)
		}
		for _, one := range e.Details {
			if one.Line < 1 || one.Column < 1 || one.Message == "" {
				t.Fatalf("no place in %+v of\n%s", one, text)
			}
		}
		if refused%50 == 0 {
			if after := stable(t, app); after != before {
				t.Fatalf("something changed:\n%s\n%s", before, after)
			}
		}
	}
}

// spoil damages a text in one or two places.
func (d dice) spoil(text string) string {
	for range 1 + d.Intn(2) {
		lines := strings.SplitAfter(text, "\n")
		i, at := d.Intn(len(lines)), d.Intn(len(text))
		switch d.Intn(7) {
		case 0: // a byte less
			text = text[:at] + text[at+1:]
		case 1: // a byte more
			text = text[:at] + d.pick("{", "}", ":", ": ", "\n", "\t", "\x00", "é", "&", "*", "'", `"`, "\xff", "- ") + text[at:]
		case 2: // cut off
			text = text[:at]
		case 3: // a line twice
			text = strings.Join(lines[:i], "") + lines[i] + strings.Join(lines[i:], "")
		case 4: // a line less
			text = strings.Join(lines[:i], "") + strings.Join(lines[min(i+1, len(lines)):], "")
		case 5: // a letter for another
			text = text[:at] + string(rune('a'+d.Intn(26))) + text[at+1:]
		case 6: // a line further in
			text = strings.Join(lines[:i], "") + "  " + strings.Join(lines[i:], "")
		}
		if text == "" {
			return "x"
		}
	}
	return text
}
