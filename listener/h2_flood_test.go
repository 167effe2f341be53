package listener_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/echterhof/rockstar-tui/listener"
)

// flood is one kind of frames that cost a server work and carry nothing, written
// once more each time it is called.
type flood struct {
	name string
	more func(f *framer, n uint32)
}

// get opens a stream; n is from 0.
func (f *framer) get(n uint32, end bool) uint32 {
	stream := 2*n + 1
	f.request(stream, end, "GET")
	return stream
}

var floods = []flood{
	{"rapid reset", func(f *framer, n uint32) { f.WriteRSTStream(f.get(n, true), http2.ErrCodeCancel) }},
	{"rapid reset within a request", func(f *framer, n uint32) { f.WriteRSTStream(f.get(n, false), http2.ErrCodeCancel) }},
	{"reset by a window update of zero", func(f *framer, n uint32) {
		f.WriteRawFrame(http2.FrameWindowUpdate, 0, f.get(n, false), make([]byte, 4))
	}},
	{"reset by a window that overflows", func(f *framer, n uint32) { f.WriteWindowUpdate(f.get(n, false), 1<<31-1) }},
	{"reset by data after the end", func(f *framer, n uint32) { f.WriteData(f.get(n, true), false, []byte("x")) }},
	{"reset by a stream that depends on itself", func(f *framer, n uint32) {
		stream := f.get(n, false)
		f.WritePriority(stream, http2.PriorityParam{StreamDep: stream})
	}},
	{"reset by more data than the length", func(f *framer, n uint32) {
		f.request(2*n+1, false, "POST", "content-length", "1")
		f.WriteData(2*n+1, false, []byte("more"))
	}},
	{"reset by a malformed request", func(f *framer, n uint32) { f.request(2*n+1, true, "GET", "Upper", "case") }},
	{"empty continuation", func(f *framer, n uint32) {
		if n == 0 {
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, BlockFragment: []byte{0x82}})
		}
		f.WriteContinuation(1, false, nil)
	}},
	{"endless continuation", func(f *framer, n uint32) {
		if n == 0 {
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndStream: true, BlockFragment: []byte{0x82}})
		}
		f.WriteContinuation(1, false, []byte("\x00\x01a\x01b"))
	}},
	{"settings", func(f *framer, n uint32) { f.WriteSettings(window(n)) }},
	{"acknowledged settings", func(f *framer, n uint32) { f.WriteSettingsAck() }},
	{"ping", func(f *framer, n uint32) { f.WritePing(false, [8]byte{}) }},
	{"answers to no ping", func(f *framer, n uint32) { f.WritePing(true, [8]byte{}) }},
	{"priority", func(f *framer, n uint32) { f.WritePriority(2*n+1, http2.PriorityParam{Weight: 7}) }},
	{"empty data", func(f *framer, n uint32) {
		if n == 0 {
			f.request(1, false, "POST")
		}
		f.WriteData(1, false, nil)
	}},
	{"data of padding alone", func(f *framer, n uint32) {
		if n == 0 {
			f.request(1, false, "POST")
		}
		f.WriteDataPadded(1, false, nil, make([]byte, 10))
	}},
	{"window updates of one", func(f *framer, n uint32) { f.WriteWindowUpdate(0, 1) }},
	{"frames that nobody knows", func(f *framer, n uint32) { f.WriteRawFrame(0x42, 0, 0, nil) }},
	{"resets of what is complete", func(f *framer, n uint32) {
		if n == 0 {
			f.get(0, true)
		}
		f.WriteRSTStream(1, http2.ErrCodeCancel)
	}},
	{"oversized header", func(f *framer, n uint32) { f.request(2*n+1, true, "GET", "a", strings.Repeat("x", 1100)) }},
	{"more streams than allowed", func(f *framer, n uint32) { f.get(n, false) }},
}

// untilGone is a handler that works until its client has gone, or the body ended.
func untilGone(x listener.Exchange) {
	_, r, _ := listener.NetHTTP(x)
	if r.Method == http.MethodPost || r.ContentLength < 0 {
		io.Copy(io.Discard, r.Body)
	}
}

func TestFloodsEnd(t *testing.T) {
	for _, kind := range floods {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			limits := keepAlive
			limits.MaxHeaderBytes = 1000
			e := startH2C(t, limits, untilGone)
			f := e.dialFrames(false)
			next[*http2.SettingsFrame](f)
			ended := make(chan error, 1)
			go func() { ended <- f.readToEnd() }()
			sent := uint32(0)
			for ; sent < 5000; sent++ {
				if kind.more(f, sent); len(ended) > 0 {
					break
				}
			}
			select {
			case err := <-ended:
				if away := goneAway(0); !errors.As(err, &away) ||
					http2.ErrCode(away) != http2.ErrCodeEnhanceYourCalm && kind.name != "endless continuation" {
					t.Errorf("after %d: %v", sent, err)
				}
				t.Logf("ended by %d", sent)
			case <-time.After(10 * time.Second):
				t.Errorf("%d did no harm", sent)
			}
			e.wantGauges(0, 0)
		})
	}
}

// readToEnd reads until the connection ends and gives what it was told.
func (f *framer) readToEnd() error {
	var said error
	for {
		frame, err := f.ReadFrame()
		stream := http2.StreamError{}
		switch {
		case err != nil && !errors.As(err, &stream):
			if said == nil {
				said = err
			}
			return said
		case err != nil:
		default:
			if away, ok := frame.(*http2.GoAwayFrame); ok {
				said = goneAway(away.ErrCode)
			}
		}
	}
}

// Clients that answer each frame of data with an update of each window and a
// ping, reset what they have read whole, and cancel what nobody wants any more,
// are no flood, however long they go on.
func TestBusyClientsAreNoFlood(t *testing.T) {
	t.Parallel()
	e := startH2C(t, keepAlive, func(x listener.Exchange) {
		if x.RequestHeader("Cancel") != "" {
			_, r, _ := listener.NetHTTP(x)
			<-r.Context().Done()
			return
		}
		w, _, _ := listener.NetHTTP(x)
		io.WriteString(w, "tiny")
		http.NewResponseController(w).Flush()
		io.WriteString(w, "tiny")
	})
	f := e.dialFrames(false)
	for n := range uint32(2000) {
		if n%10 == 0 {
			f.request(2*n+1, true, "GET", "cancel", "yes")
			f.WriteRSTStream(2*n+1, http2.ErrCodeCancel)
			continue
		}
		stream := f.get(n, true)
		for ended := false; !ended; {
			data := next[*http2.DataFrame](f)
			if ended = data.StreamEnded(); len(data.Data()) > 0 {
				f.WriteWindowUpdate(0, uint32(len(data.Data())))
				f.WriteWindowUpdate(stream, uint32(len(data.Data())))
				f.WritePing(false, [8]byte{1})
			}
		}
		f.WriteRSTStream(stream, http2.ErrCodeNo)
	}
	f.request(4001, true, "GET")
	if status, body := f.answer(4001); status != "200" || body != "tinytiny" {
		t.Errorf("%s %q", status, body)
	}
}

// goneAway is a GOAWAY as an error.
type goneAway http2.ErrCode

func (e goneAway) Error() string { return "GOAWAY " + http2.ErrCode(e).String() }
