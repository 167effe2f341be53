package judge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// proofs run at all places at once; each fails with what went wrong.
type proofs struct {
	t  *testing.T
	wg sync.WaitGroup
}

func (p *proofs) run(name string, at place, proof func() error) {
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		if err := proof(); err != nil {
			p.t.Errorf("%s, %v: %v", name, at, err)
		}
	}()
}

// TestWhatGoesOnIsNotEnded proves that the clocks bound the time without
// progress: what takes longer than they allow, and goes on, comes to its end.
func TestWhatGoesOnIsNotEnded(t *testing.T) {
	t.Parallel()
	pace := paced()
	all := proofs{t: t}
	for _, at := range site(t, pace) {
		all.run("download", at, func() error { return slowDownload(t, at, pace) })
		if at.of("mount proxy") {
			all.run("upload", at, func() error { return slowUpload(t, at, pace) })
			all.run("events", at, func() error { return quietEvents(t, at, pace) })
		}
		if at.of("mount") && (at.protocol == h2 || at.protocol == h2c) {
			all.run("quiet gRPC", at, func() error { return quietGRPC(t, at, pace) })
			all.run("busy gRPC", at, func() error { return busyGRPC(t, at, pace) })
		}
	}
	all.wg.Wait()
}

// pauses are how often a second slow clients do something.
const pauses = 20

func slowDownload(t *testing.T, at place, p pace) error {
	want := p.download
	switch at.kind {
	case "files":
		want = 64 << 20 // its rate is higher then
	case "respond":
		want = 1 << 20
	}
	resp, err := slowClient(t, at).Get(at.url(fmt.Sprintf("%s/download?size=%d", at.prefix, want)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	rate := want * p.downRate / p.download
	tick := time.NewTicker(time.Second / pauses)
	defer tick.Stop()
	for got := 0; ; <-tick.C {
		n, err := io.CopyN(io.Discard, resp.Body, int64(rate/pauses))
		got += int(n)
		switch {
		case errors.Is(err, io.EOF) && got == want:
			return nil
		case err != nil:
			return fmt.Errorf("after %d of %d bytes: %w", got, want, err)
		}
	}
}

// slowClient has small buffers, so that its slowness reaches the server.
func slowClient(t *testing.T, at place) *http.Client {
	client := at.client(t)
	if transport, ok := client.Transport.(*http.Transport); ok {
		transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err == nil {
				conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			}
			return conn, err
		}
	}
	return client
}

// trickle is a body that comes at a rate.
type trickle struct {
	left, piece int
	tick        <-chan time.Time
}

func (b *trickle) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	<-b.tick
	n := min(b.left, b.piece, len(p))
	clear(p[:n])
	b.left -= n
	return n, nil
}

func slowUpload(t *testing.T, at place, p pace) error {
	tick := time.NewTicker(time.Second / pauses)
	defer tick.Stop()
	resp, err := at.client(t).Post(at.url(at.prefix+"/upload"), "", &trickle{p.upload, p.upRate / pauses, tick.C})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return says(resp, fmt.Sprint(p.upload))
}

func says(resp *http.Response, want string) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("got %d %.200q %v, want 200 %q", resp.StatusCode, body, err, want)
	}
	return nil
}

func quietEvents(t *testing.T, at place, p pace) error {
	resp, err := at.client(t).Get(at.url(at.prefix + "/events?every=" + p.silence.String()))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return says(resp, "data: 0\n\ndata: 1\n\ndata: 2\n\n")
}

// quietGRPC is a stream of messages with silence between them.
func quietGRPC(t *testing.T, at place, p pace) error {
	return wholeStream(t, at, p, "/judge.Echo/Tick", func(s grpc.ClientStream) error {
		if err := s.SendMsg(wrapperspb.String(p.silence.String())); err != nil {
			return err
		}
		s.CloseSend()
		for i := range 3 {
			if err := s.RecvMsg(new(text)); err != nil {
				return fmt.Errorf("message %d: %w", i, err)
			}
		}
		return nil
	})
}

// busyGRPC goes both ways, with a message now and then.
func busyGRPC(t *testing.T, at place, p pace) error {
	return wholeStream(t, at, p, "/judge.Echo/Chat", func(s grpc.ClientStream) error {
		tick := time.NewTicker(p.silence / 6)
		defer tick.Stop()
		for i := range 18 {
			if err := errors.Join(s.SendMsg(wrapperspb.String("hello")), s.RecvMsg(new(text))); err != nil {
				return fmt.Errorf("message %d: %w", i, err)
			}
			<-tick.C
		}
		return s.CloseSend()
	})
}

// wholeStream is a stream of gRPC that must end well.
func wholeStream(t *testing.T, at place, p pace, method string, talk func(grpc.ClientStream) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*p.silence)
	defer cancel()
	s, err := grpcConn(t, at.target).NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	if err := talk(s); err != nil {
		return err
	}
	if err := s.RecvMsg(new(text)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("at the end: %w", err)
	}
	return nil
}

// TestWhoDoesNothingIsEnded proves that a client that reads or sends nothing
// cannot hold what it was given.
func TestWhoDoesNothingIsEnded(t *testing.T) {
	t.Parallel()
	pace := paced()
	all := proofs{t: t}
	for _, at := range site(t, pace) {
		if at.of("mount proxy files") {
			all.run("reads nothing", at, func() error { return readsNothing(t, at, pace) })
		}
		if at.of("mount proxy") {
			all.run("sends no body", at, func() error { return sendsNoBody(t, at, pace) })
		}
		if at.of("mount respond") && at.protocol != h3 {
			all.run("sends half a header", at, func() error { return halfHeader(t, at, pace) })
		}
	}
	all.wg.Wait()
}

// ended reads what is left and wants it to be broken off, or to be an error.
func ended(r io.Reader, size int64) error {
	n, err := io.Copy(io.Discard, r)
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout() && !strings.Contains(err.Error(), "no recent network activity"):
		return fmt.Errorf("still open after %d bytes: %w", n, err)
	case n >= size:
		return fmt.Errorf("got all of it, %d bytes", n)
	}
	return nil
}

const endless = 48 << 20 // more than all buffers on the way hold

func readsNothing(t *testing.T, at place, p pace) error {
	path := fmt.Sprintf("%s/download?size=%d", at.prefix, endless)
	if at.protocol == h3 {
		return readsNothingH3(at, p, path)
	}
	conn, err := tryDial(at)
	if err != nil {
		return err
	}
	defer conn.Close()
	if at.one() {
		io.WriteString(conn, request{}.head(at.addr, path))
		time.Sleep(p.endWithin) // by then it must have been ended; what is on its way still comes
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		return ended(conn, endless)
	}
	fr, err := startH2(conn, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	if err != nil {
		return err
	}
	if err := headersH2(fr, at.target, "GET", path, true, true); err != nil {
		return err
	}
	conn.SetDeadline(time.Now().Add(p.endWithin))
	return endedH2(fr)
}

func readsNothingH3(at place, p pace, path string) error {
	transport := &http3.Transport{TLSClientConfig: at.trust.Clone(), QUICConfig: &quic.Config{
		InitialStreamReceiveWindow: 32 << 10, MaxStreamReceiveWindow: 32 << 10, KeepAlivePeriod: time.Second,
	}}
	defer transport.Close()
	resp, err := (&http.Client{Transport: transport}).Get(at.url(path))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	time.Sleep(p.endWithin) // by then it must have been ended
	done := make(chan error, 1)
	go func() { done <- ended(resp.Body, endless) }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Second):
		return errors.New("still open")
	}
}

func sendsNoBody(t *testing.T, at place, p pace) error {
	path := at.prefix + "/upload"
	if at.protocol == h3 {
		ctx, cancel := context.WithTimeout(context.Background(), p.endWithin)
		defer cancel()
		body, never := io.Pipe()
		defer never.Close()
		req, _ := http.NewRequestWithContext(ctx, "POST", at.url(path), body)
		resp, err := at.client(t).Do(req)
		if err == nil {
			resp.Body.Close()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return errors.New("still open")
		}
		return nil
	}
	conn, err := tryDial(at)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(p.endWithin))
	if at.one() {
		io.WriteString(conn, request{Method: "POST", Length: "1000"}.head(at.addr, path))
		return ended(conn, endless)
	}
	fr, err := startH2(conn)
	if err != nil {
		return err
	}
	if err := headersH2(fr, at.target, "POST", path, false, true); err != nil {
		return err
	}
	return endedH2(fr)
}

func halfHeader(t *testing.T, at place, p pace) error {
	conn, err := tryDial(at)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(p.endWithin))
	if at.one() {
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX-Half: ")
		return ended(conn, endless)
	}
	fr, err := startH2(conn)
	if err != nil {
		return err
	}
	if err := headersH2(fr, at.target, "GET", "/", true, false); err != nil {
		return err
	}
	return endedH2(fr)
}

// tryDial is dial with an error, for goroutines that are not the test's, and
// with a small buffer.
func tryDial(at place) (net.Conn, error) {
	conn, err := net.Dial("tcp", at.addr)
	if err != nil {
		return nil, err
	}
	conn.(*net.TCPConn).SetReadBuffer(128 << 10)
	return at.secured(conn)
}
