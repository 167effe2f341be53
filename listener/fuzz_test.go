package listener_test

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// FuzzRequest sends bytes to a server and closes: whatever they are, nothing
// hangs, panics or stays counted.
func FuzzRequest(f *testing.F) {
	for _, s := range scripts {
		f.Add([]byte(s))
	}
	f.Add([]byte("GET /a%2fb%zz?x HTTP/1.0\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n"))
	f.Add([]byte("POST http://u:p@h/%%%2 HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n"))
	f.Fuzz(func(t *testing.T, request []byte) {
		s := listener.NewServer(listener.ServerConfig{
			Handler: touch, Limits: listener.Limits{KeepAlive: true, MaxRequestBytes: 1 << 16, MaxHeaderBytes: 4096},
			ErrorLog: slog.New(slog.DiscardHandler),
		})
		ours, theirs := net.Pipe()
		s.ServeConn(theirs)
		ours.SetDeadline(time.Now().Add(5 * time.Second))
		read := make(chan struct{})
		go func() {
			defer close(read)
			io.Copy(io.Discard, ours)
		}()
		ours.Write(request)
		ours.Close()
		<-read
		if forced, err := s.Drain(within(t, 5*time.Second)); forced != 0 || err != nil {
			t.Fatalf("%d forced, %v", forced, err)
		}
		got := s.Counters().Load()
		if got.Active != 0 || got.Idle != 0 || got.Accepted != 1 {
			t.Fatalf("%d active, %d idle, %d accepted; want 0, 0, 1", got.Active, got.Idle, got.Accepted)
		}
		f := got.Failures
		if f.Client+f.Canceled+f.Server > got.Requests || got.BytesIn > uint64(len(request)) {
			t.Fatalf("%+v in %d requests, %d bytes in of %d", f, got.Requests, got.BytesIn, len(request))
		}
	})
}

// touch uses everything of an Exchange.
func touch(x listener.Exchange) {
	x.RequestHeaders(func(name, value string) { x.AddHeader("X-Seen", name+value) })
	x.SetHeader("X-Path", x.Method()+x.Path()+x.RawPath()+x.Query()+x.RequestURI()+x.Host()+x.Proto())
	io.Copy(io.Discard, x.Body())
	x.WriteString("ok")
}
