//go:build unix

package listener_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// giveTo hands over as between processes: the receiver has a descriptor of its
// own, and all it knows went through JSON.
func giveTo(t testing.TB, to *listener.Server) listener.SendConn {
	return func(c net.Conn, h listener.TransferState, done func(error)) {
		done(func() error {
			f, err := c.(*net.TCPConn).File()
			if err != nil {
				return err
			}
			defer f.Close()
			raw, err := net.FileConn(f)
			if err != nil {
				return err
			}
			var told listener.TransferState
			text, _ := json.Marshal(h)
			if err := json.Unmarshal(text, &told); err != nil {
				t.Error(err)
			}
			settle, err := to.AcceptConn(raw, told)
			if err != nil {
				raw.Close()
				return err
			}
			settle(true)
			return nil
		}())
	}
}

// said answers with the name of the server, slowly if asked to.
func said(name string, gate <-chan struct{}) listener.Handler {
	return func(x listener.Exchange) {
		if x.Path() == "/wait" {
			<-gate
		}
		x.WriteString(name)
	}
}

func (c *client) wantKept(want string) {
	c.t.Helper()
	if resp, body := c.read(); resp.Close || body != want {
		c.t.Errorf("answered %q, close %v; want %q and another request allowed", body, resp.Close, want)
	}
}

const plainGet = "GET / HTTP/1.1\r\nHost: t\r\n\r\n"

func TestDrainHandsOverWhatIsBetweenRequests(t *testing.T) {
	t.Parallel()
	for _, transport := range []listener.Transport{{}, {HTTP2: true}} {
		gate := make(chan struct{})
		a, b := start(t, keepAlive, said("a", gate)), start(t, keepAlive, said("b", nil))
		a.SetTransport(transport)
		b.SetTransport(transport)
		resting, restingFresh, busy, piped, split := a.dial(), a.dial(), a.dial(), a.dial(), a.dial()
		resting.get("/")
		time.Sleep(1500 * time.Millisecond) // it takes a second until they rest
		idle, fresh := a.dial(), a.dial()
		idle.get("/")
		busy.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n")
		piped.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n" + plainGet + plainGet)
		split.send("GET /wait HTTP/1.1\r\nHost: t\r\n\r\n" + plainGet[:9])
		a.wantState(listener.StateResponse, 3)
		before := a.Connections(func(c listener.ConnInfo) bool { return c.Peer == resting.LocalAddr().String() })[0]

		a.HandOver(giveTo(t, b.Server))
		drained := make(chan error, 1)
		go func() {
			_, err := a.Drain(within(t, 10*time.Second))
			drained <- err
		}()
		b.wantGauges(0, 4)
		after := b.Connections(func(c listener.ConnInfo) bool { return c.Peer == before.Peer })[0]
		if d := after.Opened.Sub(before.Opened).Abs() + after.Since.Sub(before.Since).Abs(); d > 50*time.Millisecond {
			t.Errorf("opened and idle since changed by %v", d)
		}
		if after.Requests != 1 || after.BytesIn != before.BytesIn || after.BytesOut != before.BytesOut || after.State != listener.StateIdle {
			t.Errorf("it was %+v, and is %+v", before, after)
		}
		for _, c := range []*client{resting, restingFresh, idle, fresh} {
			c.send(plainGet)
			c.wantKept("b")
		}
		close(gate)
		for range 3 { // what was read here is answered here
			piped.wantKept("a")
		}
		busy.wantKept("a")
		split.wantKept("a")
		split.send(plainGet[9:])
		split.wantKept("a")
		if err := <-drained; err != nil {
			t.Error(err)
		}
		for _, c := range []*client{busy, piped, split} {
			c.send(plainGet)
			c.wantKept("b")
		}
		a.wantGauges(0, 0)
		b.wantGauges(0, 7)
		if n := b.Counters().Accepted.Load(); n != 0 {
			t.Errorf("%d of those handed over count as accepted", n)
		}
	}
}

func TestWhatNobodyTakesEndsAfterItsResponse(t *testing.T) {
	t.Parallel()
	e := start(t, listener.Limits{KeepAlive: true, DrainIdle: 200 * time.Millisecond}, hello)
	silent, other := e.dial(), e.dial()
	silent.get("/")
	other.get("/")
	asked := make(chan struct{}, 2)
	e.HandOver(func(_ net.Conn, _ listener.TransferState, done func(error)) {
		asked <- struct{}{}
		go done(errors.New("nobody is there"))
	})
	drained := make(chan error, 1)
	go func() {
		_, err := e.Drain(within(t, 10*time.Second))
		drained <- err
	}()
	<-asked
	<-asked
	if resp, body := other.get("/"); !resp.Close || body != "hello" {
		t.Errorf("answered %q, close %v; want the last response", body, resp.Close)
	}
	silent.wantEnd(5 * time.Second)
	if err := <-drained; err != nil {
		t.Error(err)
	}
	e.wantGauges(0, 0)
}

func TestReceiverKeepsItsLimit(t *testing.T) {
	t.Parallel()
	a, b := start(t, keepAlive, said("a", nil)), start(t, listener.Limits{KeepAlive: true, MaxConnections: 3}, said("b", nil))
	cs := a.dialMany(5)
	for _, c := range cs {
		c.get("/")
	}
	a.HandOver(giveTo(t, b.Server))
	go a.Drain(within(t, 10*time.Second))
	b.wantGauges(0, 3)
	there, last := 0, 0
	for _, c := range cs {
		resp, body := c.get("/")
		switch {
		case body == "b" && !resp.Close:
			there++
		case body == "a" && resp.Close:
			last++
		}
	}
	if there != 3 || last != 2 {
		t.Errorf("%d were taken, %d answered for the last time; want 3 and 2", there, last)
	}
	if n := b.Counters().Refused.Load(); n != 0 {
		t.Errorf("%d clients were told that there is no room", n)
	}
}

// Clients that do not pause at all, or a little, while server after server
// drains: none must notice.
func TestHandoverUnderLoadIsNotNoticed(t *testing.T) {
	t.Parallel()
	at := start(t, keepAlive, hello)
	const clients = 24
	stop := make(chan struct{})
	var wg sync.WaitGroup
	failed := make(chan error, clients)
	for i, c := range at.dialMany(clients) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Duration(i%3) * 2 * time.Millisecond):
				}
				fmt.Fprint(c, plainGet)
				if resp, body, err := c.tryRead(); err != nil || resp.Close || body != "hello" {
					failed <- fmt.Errorf("client %d got %q, %w", i, body, err)
					return
				}
			}
		})
	}
	for range 20 {
		next := start(t, keepAlive, hello)
		at.HandOver(giveTo(t, next.Server))
		if forced, err := at.Drain(within(t, 10*time.Second)); forced > 0 || err != nil {
			t.Errorf("%d forced, %v", forced, err)
		}
		at = next
	}
	close(stop)
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	at.wantGauges(0, clients)
}

// A client may think for a while before it begins, whatever it then speaks.
func TestSlowBeginnersAreServed(t *testing.T) {
	t.Parallel()
	e := start(t, keepAlive, hello)
	e.SetTransport(listener.Transport{HTTP2: true})
	c := e.dial()
	secret := startH2(t, keepAlive, hello)
	raw := secret.dial()
	time.Sleep(1500 * time.Millisecond) // they rest after a second
	if resp, body := c.get("/"); resp.StatusCode != 200 || body != "hello" {
		t.Errorf("status %d, body %q", resp.StatusCode, body)
	}
	session := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	fmt.Fprint(session, plainGet)
	resp, err := http.ReadResponse(bufio.NewReader(session), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("with TLS: %v, %v", resp, err)
	}
}

func FuzzAdopt(f *testing.F) {
	f.Add([]byte(`{"opened":"2020-01-01T00:00:00Z","since":"2020-01-01T00:00:00Z","requests":3,"bytes_in":1}`))
	f.Add([]byte(`{"opened":"9999-01-01T00:00:00Z","since":"0001-01-01T00:00:00Z"}`))
	e := start(f, keepAlive, hello)
	f.Fuzz(func(t *testing.T, text []byte) {
		var h listener.TransferState
		if json.Unmarshal(text, &h) != nil {
			return
		}
		here, there := net.Pipe()
		defer there.Close()
		settle, err := e.AcceptConn(here, h)
		if err != nil {
			t.Fatal(err)
		}
		settle(true)
		for _, c := range e.Connections(nil) {
			if age := time.Since(c.Opened); age < 0 || time.Since(c.Since) < 0 {
				t.Fatalf("opened %v ago, idle for %v", age, time.Since(c.Since))
			}
		}
	})
}
