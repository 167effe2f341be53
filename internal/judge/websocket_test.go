package judge_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

func init() { subjects = append(subjects, gorillaSockets, coderSockets, proxiedSockets) }

// echoGorilla says back what it hears, until it hears "bye".
func echoGorilla(w http.ResponseWriter, r *http.Request) {
	upgrader := gorilla.Upgrader{Subprotocols: []string{"chat"}, EnableCompression: true}
	conn, err := upgrader.Upgrade(w, r, http.Header{"X-Upgraded": {"yes"}})
	if err != nil {
		return
	}
	defer conn.Close()
	for {
		kind, message, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if string(message) == "bye" {
			conn.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(4000, "bye"), time.Now().Add(patience))
			return
		}
		if conn.WriteMessage(kind, message) != nil {
			return
		}
	}
}

func echoCoder(w http.ResponseWriter, r *http.Request) {
	conn, err := coder.Accept(w, r, &coder.AcceptOptions{Subprotocols: []string{"chat"}})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if string(message) == "bye" {
			conn.Close(4000, "bye")
			return
		}
		if conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

var gorillaSockets = subject{
	name: "gorillaws", only: []protocol{h1, h1tls},
	mount: on(http.HandlerFunc(echoGorilla)),
	asks:  map[string]request{"plain": {Path: "/"}, "noversion": upgradeRequest("8")},
	talks: map[string]func(*testing.T, target) []string{
		"gorilla": gorillaTalk("/gorillaws/"), "coder": coderTalk("/gorillaws/"), "early": earlyFrame("/gorillaws/"),
	},
}

var coderSockets = subject{
	name: "coderws", only: []protocol{h1, h1tls},
	mount: on(http.HandlerFunc(echoCoder)),
	asks:  map[string]request{"plain": {Path: "/"}, "noversion": upgradeRequest("8")},
	talks: map[string]func(*testing.T, target) []string{
		"gorilla": gorillaTalk("/coderws/"), "coder": coderTalk("/coderws/"), "early": earlyFrame("/coderws/"),
	},
}

// proxiedSockets are the same behind a ReverseProxy.
var proxiedSockets = subject{
	name: "proxiedws", only: []protocol{h1, h1tls},
	mount: on(lazily(func() http.Handler {
		u, _ := url.Parse(httptest.NewServer(http.HandlerFunc(echoGorilla)).URL)
		return httputil.NewSingleHostReverseProxy(u)
	})),
	talks: map[string]func(*testing.T, target) []string{
		"gorilla": gorillaTalk("/proxiedws/"), "coder": coderTalk("/proxiedws/"),
	},
}

// lazily makes a handler at its first request.
func lazily(h func() http.Handler) http.Handler {
	once := sync.OnceValue(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { once().ServeHTTP(w, r) })
}

func upgradeRequest(version string) request {
	return request{Path: "/", Header: [][2]string{
		{"Connection", "Upgrade"}, {"Upgrade", "websocket"},
		{"Sec-WebSocket-Version", version}, {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
	}}
}

func (to target) websocketURL(path string) string {
	return "ws" + strings.TrimPrefix(to.url(path), "http")
}

func gorillaTalk(path string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		dialer := gorilla.Dialer{TLSClientConfig: to.trust.Clone(), Subprotocols: []string{"chat"}, EnableCompression: true, HandshakeTimeout: patience}
		conn, resp, err := dialer.Dial(to.websocketURL(path), nil)
		if err != nil {
			return []string{"dial " + err.Error()}
		}
		defer conn.Close()
		deadline := time.Now().Add(patience)
		conn.SetReadDeadline(deadline)
		conn.SetWriteDeadline(deadline)
		resp.Header.Del("Sec-Websocket-Accept")
		lines := append(fields(resp.Header), "protocol "+conn.Subprotocol())
		conn.SetPongHandler(func(s string) error { lines = append(lines, "pong "+s); return nil })
		conn.WriteControl(gorilla.PingMessage, []byte("p"), deadline)
		for _, size := range []int{0, 1, 125, 126, 70000} {
			sent := bytes.Repeat([]byte("x"), size)
			if err := conn.WriteMessage(gorilla.BinaryMessage, sent); err != nil {
				return append(lines, "write "+err.Error())
			}
			kind, got, err := conn.ReadMessage()
			lines = append(lines, fmt.Sprintf("echo of %d: kind %d same %v %v", size, kind, bytes.Equal(sent, got), err))
		}
		conn.WriteMessage(gorilla.TextMessage, []byte("bye"))
		_, _, err = conn.ReadMessage()
		return append(lines, fmt.Sprint("end ", err))
	}
}

func coderTalk(path string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		conn, resp, err := coder.Dial(ctx, to.websocketURL(path), &coder.DialOptions{HTTPClient: to.client(t), Subprotocols: []string{"chat"}})
		if err != nil {
			return []string{"dial " + err.Error()}
		}
		defer conn.CloseNow()
		resp.Header.Del("Sec-Websocket-Accept")
		lines := append(fields(resp.Header), "protocol "+conn.Subprotocol())
		for _, size := range []int{0, 1, 30000} {
			sent := bytes.Repeat([]byte("x"), size)
			if err := conn.Write(ctx, coder.MessageText, sent); err != nil {
				return append(lines, "write "+err.Error())
			}
			kind, got, err := conn.Read(ctx)
			lines = append(lines, fmt.Sprintf("echo of %d: kind %v same %v %v", size, kind, bytes.Equal(sent, got), err))
		}
		conn.Write(ctx, coder.MessageText, []byte("bye"))
		_, _, err = conn.Read(ctx)
		return append(lines, fmt.Sprint("end ", coder.CloseStatus(err)))
	}
}

// earlyFrame sends its first frame with the request, before the server has
// agreed. gorilla refuses that; coder and proxies take it.
func earlyFrame(path string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		conn := to.dial(t)
		defer conn.Close()
		ping := "\x89\x81\x00\x00\x00\x00p"
		fmt.Fprint(conn, upgradeRequest("13").head(to.addr, path)+ping)
		var a answer
		readFrames(conn, &a)
		return a.lines()
	}
}
