package listener

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// netWriter is the response writer that NetHTTP gives out: it knows what was
// sent, and that nothing but the verdict is sent once there is one.
type netWriter netExchange

func (w *netWriter) exchange() *netExchange { return (*netExchange)(w) }

func (w *netWriter) Header() http.Header { return w.w.Header() }

func (w *netWriter) WriteHeader(status int) {
	final := status >= 200 || status == http.StatusSwitchingProtocols
	if final && !w.sent {
		w.exchange().checkBody()
	}
	w.exchange().judge()
	switch {
	case w.verdict != 0 && !w.sent:
		w.muted = true
		return
	case final && !w.sent:
		w.exchange().responds()
		w.sent, w.status = true, status
	}
	w.w.WriteHeader(status)
}

func (w *netWriter) Write(p []byte) (int, error) {
	if !w.begin() {
		return len(p), nil
	}
	if w.r.ProtoMajor == 3 && bodyAllowed(w.status) {
		w.quic.sniff(w.w.Header(), p)
	}
	n, err := w.exchange().write(p)
	w.quic.wrote(n)
	return n, w.delivered(err)
}

// delivered notes that the client did not get what was written.
func (w *netWriter) delivered(err error) error {
	if err != nil && err != http.ErrContentLength && err != http.ErrBodyNotAllowed && err != http.ErrHijacked {
		w.undelivered = true
	}
	return err
}

// WriteString is Write.
func (w *netWriter) WriteString(s string) (int, error) {
	if !w.begin() {
		return len(s), nil
	}
	if w.r.ProtoMajor == 3 {
		return w.Write([]byte(s))
	}
	n, err := io.WriteString(w.w, s)
	return n, w.delivered(err)
}

// begin has the header sent, and says whether what the handler writes is sent.
func (w *netWriter) begin() bool {
	if !w.sent && !w.hijacked {
		w.WriteHeader(w.status)
	}
	return !w.muted
}

// Flush sends what was written so far.
func (w *netWriter) Flush() { w.FlushError() }

// FlushError is Flush, and tells whether it went well.
func (w *netWriter) FlushError() error {
	if !w.begin() {
		return nil
	}
	if w.r.ProtoMajor == 3 {
		w.writing.begin()
		defer w.writing.end(0)
	}
	w.exchange().lasts()
	return http.NewResponseController(w.w).Flush()
}

// CloseNotify tells when the client has gone, for handlers from before requests
// had a context.
func (w *netWriter) CloseNotify() <-chan bool {
	//lint:ignore SA1019 old handlers assert it
	if n, ok := w.w.(http.CloseNotifier); ok {
		return n.CloseNotify()
	}
	gone := make(chan bool, 1)
	done := w.r.Context().Done()
	go func() {
		<-done
		gone <- true
	}()
	return gone
}

// EnableFullDuplex is nothing to ask for but with HTTP/1.1.
func (w *netWriter) EnableFullDuplex() error { return nil }

// Unwrap lets an http.ResponseController reach the engine's own writer.
func (w *netWriter) Unwrap() http.ResponseWriter { return w.w }

// h1Writer is that of HTTP/1.1.
type h1Writer struct{ *netWriter }

// Hijack gives the connection to the handler.
func (w h1Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.w).Hijack()
	if err == nil {
		w.hijacked = true
	}
	return c, rw, err
}

// EnableFullDuplex has nothing read of the request before the handler reads it.
func (w h1Writer) EnableFullDuplex() error {
	w.duplex = true
	return http.NewResponseController(w.w).EnableFullDuplex()
}

// beforeHeader is how much is read of a body before the header is sent: there may
// be none, and reading a request's body comes before answering it.
const beforeHeader = 512

// ReadFrom lets the kernel send files.
func (w h1Writer) ReadFrom(r io.Reader) (n int64, err error) {
	if !w.sent {
		n, err = io.Copy(writerOnly{w.netWriter}, io.LimitReader(r, beforeHeader))
		if err != nil || n < beforeHeader {
			return n, err
		}
	}
	var rest int64
	if from, ok := w.w.(io.ReaderFrom); ok && !w.muted {
		rest, err = from.ReadFrom(r)
	} else {
		rest, err = io.Copy(writerOnly{w.netWriter}, r)
	}
	return n + rest, err
}
