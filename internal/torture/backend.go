//go:build linux

package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// backend is what proxy routes lead to. It sends bodies back, and the messages
// of WebSockets.
type backend struct {
	url    string
	server *http.Server
}

func startBackend() (*backend, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		w.Write(body)
	})
	mux.HandleFunc("/socket", echoMessages)
	b := &backend{url: "http://" + ln.Addr().String(), server: &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}}
	go b.server.Serve(ln)
	return b, nil
}

func (b *backend) close() { b.server.Close() }

// acceptKey is what a server answers to a client's Sec-WebSocket-Key.
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// echoMessages answers each short message with the same, until the client closes.
func echoMessages(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		http.Error(w, "this is for WebSockets", http.StatusUpgradeRequired)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Time{})
	io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		acceptKey(r.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	rw.Flush()
	for {
		op, message, err := readMessage(rw.Reader)
		if err != nil {
			return
		}
		if _, err := conn.Write(frameMessage(op, message, false)); err != nil || op == opClose {
			return
		}
	}
}

// Opcodes of RFC 6455.
const (
	opText  = 1
	opClose = 8
)

// frameMessage makes a frame of at most 125 bytes; those of clients are masked.
func frameMessage(op byte, message []byte, masked bool) []byte {
	frame := []byte{0x80 | op, byte(len(message))}
	if !masked {
		return append(frame, message...)
	}
	frame[1] |= 0x80
	mask := [4]byte{1, 2, 3, 4} // it guards caches on the way, of which there are none
	frame = append(frame, mask[:]...)
	for i, c := range message {
		frame = append(frame, c^mask[i%4])
	}
	return frame
}

// readMessage reads a frame as frameMessage makes it.
func readMessage(r *bufio.Reader) (op byte, message []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0x80 == 0 || head[1]&0x7f > 125 {
		return 0, nil, errors.New("not a frame of one short message")
	}
	rest := make([]byte, int(head[1]&0x7f)+int(head[1]>>7)*4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return 0, nil, err
	}
	if head[1]&0x80 != 0 {
		mask := rest[:4]
		rest = rest[4:]
		for i := range rest {
			rest[i] ^= mask[i%4]
		}
	}
	return head[0] & 0xf, rest, nil
}
