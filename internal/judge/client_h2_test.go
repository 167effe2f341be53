package judge_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// exchangeH2 sends one request on a connection of its own, frame by frame. The
// body must fit into the first window.
func exchangeH2(t *testing.T, to target, r request, path string) (a answer) {
	t.Helper()
	conn := to.dial(t)
	defer conn.Close()
	fr := openH2(t, conn)
	content := r.hasBody()
	writeHeadersH2(t, fr, r, to, path, !content)
	sendBody := func() {
		if !content {
			return
		}
		content = false
		for rest := r.Body; rest != ""; {
			n := min(len(rest), 16384)
			fr.WriteData(1, n == len(rest) && len(r.Trailer) == 0, []byte(rest[:n]))
			rest = rest[n:]
		}
		if r.Body == "" && len(r.Trailer) == 0 {
			fr.WriteData(1, true, nil)
		}
		if len(r.Trailer) > 0 {
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, EndHeaders: true, BlockFragment: block(lower(r.Trailer))})
		}
	}
	if !r.Expect {
		sendBody()
	}
	readH2(fr, &a, sendBody)
	return a
}

// openH2 begins HTTP/2 with windows that no response here fills.
func openH2(t *testing.T, conn net.Conn) *http2.Framer {
	t.Helper()
	fr, err := startH2(conn, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	fr.WriteWindowUpdate(0, 1<<30)
	return fr
}

func startH2(conn net.Conn, settings ...http2.Setting) (*http2.Framer, error) {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return nil, err
	}
	fr := http2.NewFramer(conn, conn)
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return fr, fr.WriteSettings(settings...)
}

// headersH2 sends a plain request as stream 1, its end and the end of its header
// as wanted.
func headersH2(fr *http2.Framer, to target, method, path string, end, whole bool) error {
	scheme := "http"
	if to.secure() {
		scheme = "https"
	}
	return fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: end, EndHeaders: whole, BlockFragment: block([][2]string{
		{":method", method}, {":scheme", scheme}, {":authority", to.addr}, {":path", path},
	})})
}

// endedH2 wants stream 1 or the connection to be ended by the server.
func endedH2(fr *http2.Framer) error {
	for {
		f, err := fr.ReadFrame()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errors.New("still open")
		case err != nil:
			return nil
		}
		_, reset := f.(*http2.RSTStreamFrame)
		if reset || f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagDataEndStream) {
			return nil
		}
		if s, ok := f.(*http2.SettingsFrame); ok && !s.IsAck() {
			fr.WriteSettingsAck()
		}
	}
}

func lower(fields [][2]string) [][2]string {
	var low [][2]string
	for _, f := range fields {
		low = append(low, [2]string{strings.ToLower(f[0]), f[1]})
	}
	return low
}

// block encodes fields without touching the dynamic table.
func block(fields [][2]string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	for _, f := range fields {
		e.WriteField(hpack.HeaderField{Name: f[0], Value: f[1], Sensitive: true})
	}
	return b.Bytes()
}

func writeHeadersH2(t *testing.T, fr *http2.Framer, r request, to target, path string, end bool) {
	t.Helper()
	scheme := "http"
	if to.secure() {
		scheme = "https"
	}
	all := [][2]string{{":method", r.method()}, {":scheme", scheme}, {":authority", to.addr}, {":path", path}}
	all = append(all, lower(r.Header)...)
	if r.Expect {
		all = append(all, [2]string{"expect", "100-continue"})
	}
	switch {
	case r.Length == "chunked" || r.Length == "none":
	case r.Length != "":
		all = append(all, [2]string{"content-length", r.Length})
	case r.Body != "" && len(r.Trailer) == 0:
		all = append(all, [2]string{"content-length", strconv.Itoa(len(r.Body))})
	}
	for _, h := range r.Trailer {
		all = append(all, [2]string{"trailer", h[0]})
	}
	err := fr.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: end, BlockFragment: block(all)})
	if err != nil {
		t.Fatal(err)
	}
}

// readH2 reads frames until stream 1 or the connection has ended.
func readH2(fr *http2.Framer, a *answer, continued func()) {
	var body strings.Builder
	defer func() { a.Body = body.String() }()
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			a.End = "connection " + ending(err)
			return
		}
		switch f := f.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				fr.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				fr.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			a.headersH2(f, continued)
		case *http2.DataFrame:
			body.Write(f.Data())
		case *http2.RSTStreamFrame:
			a.End = "reset " + f.ErrCode.String()
			return
		case *http2.GoAwayFrame:
			if f.LastStreamID < 1 {
				a.End = "refused by GOAWAY " + f.ErrCode.String()
				return
			}
			continue
		}
		if f.Header().StreamID == 1 && f.Header().Flags.Has(http2.FlagDataEndStream) &&
			(f.Header().Type == http2.FrameData || f.Header().Type == http2.FrameHeaders) {
			a.End = "complete"
			return
		}
	}
}

func (a *answer) headersH2(f *http2.MetaHeadersFrame, continued func()) {
	h := http.Header{}
	for _, field := range f.RegularFields() {
		h.Add(field.Name, field.Value)
	}
	status, _ := strconv.Atoi(f.PseudoValue("status"))
	switch {
	case status == 0:
		a.Trailer = fields(h)
	case status < 200:
		a.Informational = append(a.Informational, fmt.Sprintf("%d %s", status, strings.Join(fields(h), ", ")))
		if status == http.StatusContinue {
			continued()
		}
	default:
		a.Status, a.Header = status, fields(h)
	}
}
