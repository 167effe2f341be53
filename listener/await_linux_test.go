package listener_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/echterhof/rockstar-tui/listener"
)

// A client that has been served for a while ends its side with its last request:
// of that end the poller tells nothing more.
func TestEndSentWithTheLastRequestIsNoticed(t *testing.T) {
	s := listener.NewServer(listener.ServerConfig{
		Handler: func(x listener.Exchange) { x.SetStatus(200); x.WriteString("hello") },
		Limits:  listener.Limits{KeepAlive: true},
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(ln)
	defer s.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	for i := range 20 {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n")
		if i%2 == 1 {
			for s.Counters().Active.Load() == 0 { // lets the header come in two pieces
				time.Sleep(time.Millisecond)
			}
		}
		io.WriteString(c, "\r\n")
		if i == 19 {
			c.(*net.TCPConn).CloseWrite()
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "hello" || err != nil {
			t.Fatalf("request %d: %q, %v", i, body, err)
		}
	}
	from := time.Now()
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("after the last response: %q, %v; want the end", rest, err)
	}
	if d := time.Since(from); d > time.Second {
		t.Errorf("the end was noticed after %v, when the connection was put to rest; want it sooner", d)
	}
}

// Responses larger than what the socket takes at once arrive whole.
func TestLongResponsesWaitForTheirReader(t *testing.T) {
	body := []byte(strings.Repeat("0123456789abcdef", 512<<10))
	s := listener.NewServer(listener.ServerConfig{
		Handler: func(x listener.Exchange) { x.SetStatus(200); x.SetBody(body) },
		Limits:  listener.Limits{KeepAlive: true},
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(ln)
	defer s.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	for range 3 {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		if err != nil || string(got) != string(body) {
			t.Fatalf("%d bytes, %v; want %d", len(got), err, len(body))
		}
	}
}

// Here the end is there before the request that it came with is read.
func TestEndSentWithAWaitingRequestIsNoticed(t *testing.T) {
	entered, leave := make(chan struct{}, 4), make(chan struct{}, 4)
	s := listener.NewServer(listener.ServerConfig{
		Handler: func(x listener.Exchange) { entered <- struct{}{}; <-leave; x.SetStatus(200) },
		Limits:  listener.Limits{KeepAlive: true},
	})
	defer s.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(ln)
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	const last = 4
	for i := range last {
		if i < last-1 {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		}
		<-entered
		if i == last-2 {
			io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			c.(*net.TCPConn).CloseWrite()
		}
		leave <- struct{}{}
		if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 200 {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	from := time.Now()
	if rest, err := io.ReadAll(r); len(rest) > 0 || err != nil {
		t.Errorf("after the last response: %q, %v; want the end", rest, err)
	}
	if d := time.Since(from); d > time.Second {
		t.Errorf("the end was noticed after %v, when the connection was put to rest; want it sooner", d)
	}
}
