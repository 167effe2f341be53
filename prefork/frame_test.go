package prefork

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestFramesArriveAsSent(t *testing.T) {
	sent := []frame{
		{Kind: kindSettings, ID: 1, Generation: 7, Timeout: time.Second, Body: []byte("{}")},
		{Kind: kindDrain, Timeout: 30 * time.Second},
		{Kind: kindConn, Files: 1},
		{Kind: kindGive, ID: 3, Files: 1, Body: []byte("about")},
		{Kind: kindDrain, Handover: true},
		{Kind: kindCall, ID: 2, Call: "connections", Body: bytes.Repeat([]byte{0, 255}, 40_000)},
		{Kind: kindReply, ID: 2, Error: "line one\nline \"two\""},
	}
	var fdReader bytes.Buffer
	for _, f := range sent {
		b, err := f.encode()
		if err != nil {
			t.Fatal(err)
		}
		fdReader.Write(b)
	}
	r := iotest.HalfReader(&fdReader)
	for _, want := range sent {
		got, err := readFrame(r)
		if err != nil || !equal(got, want) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if _, err := readFrame(r); err != io.EOF {
		t.Errorf("after the last frame: %v, want EOF", err)
	}
}

func equal(a, b frame) bool {
	return a.Kind == b.Kind && a.ID == b.ID && a.Generation == b.Generation && a.Call == b.Call &&
		a.Timeout == b.Timeout && a.Error == b.Error && a.Files == b.Files && bytes.Equal(a.Body, b.Body)
}

func TestLongErrorsAreCutAndLongBodiesRefused(t *testing.T) {
	b, err := frame{Kind: kindReply, Error: strings.Repeat("\x01", 1<<20)}.encode()
	if err != nil {
		t.Fatal(err)
	}
	if f, err := readFrame(bytes.NewReader(b)); err != nil || len(f.Error) != maxHead/8 {
		t.Errorf("got an error text of %d bytes, %v", len(f.Error), err)
	}
	if _, err := (frame{Body: make([]byte, MaxPayload+1)}).encode(); err == nil {
		t.Error("a body beyond MaxPayload was encoded")
	}
}

func TestBrokenFramesAreRefused(t *testing.T) {
	head := func(h, b uint32, rest string) []byte {
		p := binary.BigEndian.AppendUint32(nil, h)
		return append(binary.BigEndian.AppendUint32(p, b), rest...)
	}
	for name, b := range map[string][]byte{
		"cut lengths":     {0, 0, 0},
		"cut head":        head(20, 0, `{"kind":`),
		"cut body":        head(2, 9, `{}body`),
		"huge head":       head(maxHead+1, 0, ""),
		"huge body":       head(2, MaxPayload+1, `{}`),
		"no JSON":         head(2, 0, `[]`),
		"negative files":  head(12, 0, `{"files":-1}`),
		"negative number": head(9, 0, `{"id":-1}`),
	} {
		if f, err := readFrame(bytes.NewReader(b)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: got %+v, %v; want an error that is not EOF", name, f, err)
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, seed := range []frame{{}, {Kind: kindConn, Files: 1},
		{Kind: kindGive, ID: 3, Files: 1, Body: []byte("about")},
		{Kind: kindDrain, Handover: true}, {Kind: kindCall, ID: 3, Call: "x", Body: []byte("y")}} {
		b, err := seed.encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := bytes.NewReader(data)
		for {
			got, err := readFrame(r)
			if err != nil {
				return
			}
			b, err := got.encode()
			if err != nil {
				continue // a head that grows beyond its bound in canonical form
			}
			again, err := readFrame(bytes.NewReader(b))
			if err != nil || len(got.Error) <= maxHead/8 && !equal(got, again) {
				t.Fatalf("%+v became %+v, %v", got, again, err)
			}
		}
	})
}
