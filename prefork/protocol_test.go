//go:build unix

package prefork

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestTwoSidesUseWhatBothHave(t *testing.T) {
	for _, tt := range []struct {
		name         string
		ours, theirs Capabilities
		want         Capabilities
		err          string
	}{
		{"alike", Ours(), Ours(), Capabilities{2, 2, []string{featureRefusals}}, ""},
		{"with one that says nothing", Ours(), Capabilities{}, Capabilities{2, 2, nil}, ""},
		{"with one that speaks one version", Ours(), Capabilities{Protocol: 2}, Capabilities{2, 2, nil}, ""},
		{"the newest of both", Capabilities{2, 5, nil}, Capabilities{1, 4, nil}, Capabilities{4, 4, nil}, ""},
		{"just so", Capabilities{2, 3, nil}, Capabilities{3, 9, nil}, Capabilities{3, 3, nil}, ""},
		{"theirs too new", Capabilities{2, 3, nil}, Capabilities{4, 5, nil}, Capabilities{}, "the workers speak versions 4 to 5 to their master, this program speaks versions 2 to 3"},
		{"theirs too old", Capabilities{3, 3, nil}, Capabilities{}, Capabilities{}, "the workers speak version 2 to their master, this program speaks version 3"},
		{"features of both", Capabilities{2, 2, []string{"a", "b", "c"}}, Capabilities{2, 2, []string{"d", "c", "b"}}, Capabilities{2, 2, []string{"b", "c"}}, ""},
	} {
		got, err := tt.ours.Agree(tt.theirs)
		if !reflect.DeepEqual(got, tt.want) || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%s: got %+v, %v; want %+v, %q", tt.name, got, err, tt.want, tt.err)
		}
	}
}

// TestProgramsThatKnowOneVersionAreAnswered: what they look for, by equality, is where
// they look for it.
func TestProgramsThatKnowOneVersionAreAnswered(t *testing.T) {
	for name, v := range map[string]any{
		"adopt": frame{Kind: kindAdopt, Capabilities: Ours()}, "orphan": identity{Capabilities: Ours()}, "frozen": Frozen{Capabilities: Ours()},
	} {
		data, err := json.Marshal(v)
		var said struct{ Protocol int }
		if err == nil {
			err = json.Unmarshal(data, &said)
		}
		if err != nil || said.Protocol != 2 {
			t.Errorf("%s: %s, %v; want protocol 2", name, data, err)
		}
	}
}

// peer is the far end of a control socket, of a program of another version.
type peer struct {
	t    *testing.T
	conn *net.UnixConn
	link *link
}

func newPeer(t *testing.T) (near *net.UnixConn, far *peer) {
	t.Helper()
	near, file, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	conn, err := controlConn(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); conn.Close() })
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	return near, &peer{t, conn, newLink()}
}

func (p *peer) say(frames ...frame) {
	p.t.Helper()
	for _, f := range frames {
		o := outgoing{frame: f}
		if f.Files > 0 {
			r, w, err := os.Pipe()
			if err != nil {
				p.t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			o.conn = w
		}
		if err := write(p.conn, o); err != nil {
			p.t.Fatal(err)
		}
	}
}

// want checks the next frame.
func (p *peer) want(id uint64, refused string) {
	p.t.Helper()
	f, _, err := p.link.receive(p.conn)
	if err != nil || f.Kind != kindReply || f.ID != id || !strings.Contains(f.Error, refused) || (f.Error == "") != (refused == "") {
		p.t.Fatalf("got %+v, %v; want a reply to %d with %q", f, err, id, refused)
	}
}

// ofTomorrow are frames that nobody knows yet.
var ofTomorrow = []frame{
	{Kind: "tomorrow"}, {Kind: "tomorrow", Files: 3, Body: []byte("something")}, {}, {Kind: "tomorrow", ID: 7, Body: []byte("?")},
}

func TestAWorkerSkipsWhatItDoesNotKnow(t *testing.T) {
	near, master := newPeer(t)
	w := &Worker{name: "web", conn: near, started: time.Now()}
	var taken []byte
	ended := make(chan error, 1)
	go func() {
		ended <- w.Run(context.Background(), Handlers{Settings: func(s []byte) error { taken = bytes.Clone(s); return nil }})
	}()
	master.say(ofTomorrow...)
	master.want(7, `unknown request "tomorrow"`)
	master.say(frame{Kind: kindSettings, ID: 8, Timeout: time.Second, Body: []byte("{}")})
	master.want(8, "")
	master.say(frame{Kind: kindDrain, Timeout: time.Second})
	if err := <-ended; err != nil || string(taken) != "{}" {
		t.Errorf("ended with %v, settings %q", err, taken)
	}
}

// stillChild is a process that does nothing, and ends when it is killed.
type stillChild struct{ killed chan struct{} }

func (c stillChild) pid() int              { return 4242 }
func (c stillChild) kill()                 { close(c.killed) }
func (c stillChild) trace()                {}
func (c stillChild) ending()               { <-c.killed }
func (c stillChild) wait() (State, string) { return Exited, "killed" }

// started is a worker whose process and program the test is.
func startedBy(t *testing.T, c Capabilities) (*process, *peer) {
	t.Helper()
	near, worker := newPeer(t)
	g := NewGroup(Config{Name: "web"})
	p := newProcess(&place{})
	agreed, err := Ours().Agree(c)
	if err != nil {
		t.Fatal(err)
	}
	p.agreed, p.conn, p.proc, p.listening = agreed, near, stillChild{make(chan struct{})}, make(chan struct{})
	g.wg.Go(func() { p.link.run(near) })
	g.wg.Go(func() { g.listen(p, near) })
	t.Cleanup(func() {
		worker.conn.Close()
		<-p.heard
		p.link.close()
		g.wg.Wait()
	})
	return p, worker
}

func TestAMasterSkipsWhatItDoesNotKnow(t *testing.T) {
	p, worker := startedBy(t, Ours())
	worker.say(ofTomorrow...)
	worker.want(7, `unknown request "tomorrow"`)
	answered := make(chan frame, 1)
	if err := p.ask(outgoing{frame: frame{Kind: kindCall, Call: "x"}}, func(f frame, _ error) { answered <- f }); err != nil {
		t.Fatal(err)
	}
	f, _, err := worker.link.receive(worker.conn)
	if err != nil || f.Kind != kindCall {
		t.Fatalf("got %+v, %v; want the call", f, err)
	}
	worker.say(frame{Kind: kindReply, ID: f.ID, Body: []byte("y")})
	if f := <-answered; string(f.Body) != "y" {
		t.Errorf("answer %+v, want y", f)
	}
}

// TestARequestOfANewKindNeedsAnAnswer: who would not answer it is not asked.
func TestARequestOfANewKindNeedsAnAnswer(t *testing.T) {
	of := func(kind string) outgoing { return outgoing{frame: frame{Kind: kind}} }
	p, _ := startedBy(t, Capabilities{})
	if err := p.ask(of("tomorrow"), func(frame, error) { t.Error("answered") }); err == nil || err.Error() != `unknown request "tomorrow"` {
		t.Errorf("a worker of before: %v, want that it is not asked", err)
	}
	p, worker := startedBy(t, Ours())
	answered := make(chan error, 1)
	if err := p.ask(of("tomorrow"), func(f frame, err error) { answered <- replyError(f, err) }); err != nil {
		t.Fatal(err)
	}
	f, _, err := worker.link.receive(worker.conn)
	if err != nil {
		t.Fatal(err)
	}
	worker.say(frame{Kind: kindReply, ID: f.ID, Error: errUnknown(f).Error()})
	if err := <-answered; err == nil {
		t.Error("a worker that refuses: no error")
	}
}
