package listener

import (
	"bytes"
	"testing"
)

// someFrames are a header and data of a stream, a ping acknowledged, one that is
// not, settings without any, and a GOAWAY.
func someFrames() []byte {
	frame := func(kind, flags byte, payload int) []byte {
		return append([]byte{byte(payload >> 16), byte(payload >> 8), byte(payload), kind, flags, 0, 0, 0, 1}, bytes.Repeat([]byte{framePing}, payload)...)
	}
	return bytes.Join([][]byte{
		frame(frameHeaders, 4, 300), frame(frameData, flagEndStream, 13), frame(framePing, flagAck, 8),
		frame(framePing, 0, 8), frame(frameSettings, 0, 0), frame(frameGoAway, 0, 8),
	}, nil)
}

func TestFramesAreFollowedHoweverTheyAreCut(t *testing.T) {
	const skip = 5
	all := append(make([]byte, skip), someFrames()...)
	for size := 1; size <= len(all); size++ {
		f := frames{skip: skip}
		for p := all; len(p) > 0; {
			n := min(size, len(p))
			f.advance(p[:n])
			p = p[n:]
		}
		if f.count != 6 || f.acks != 1 || f.farewells != 1 || !f.between() {
			t.Fatalf("by %d bytes: %d frames, %d acknowledged pings, %d farewells, between frames: %t; want 6, 1, 1, true",
				size, f.count, f.acks, f.farewells, f.between())
		}
	}
}

func TestSettingsAreSeenBehindTheirHeader(t *testing.T) {
	header := []byte{0, 0, 12, frameSettings, 0, 0, 0, 0, 0}
	for cut := range len(header) {
		var f frames
		f.advance(header[:cut])
		f.advance(header[cut:])
		if got := f.settings(); got != 12 {
			t.Errorf("header cut at %d: settings of %d bytes, want 12", cut, got)
		}
		f.advance([]byte{0})
		if got := f.settings(); got != 0 {
			t.Errorf("header cut at %d, and one byte more: settings of %d bytes, want 0: they are not whole any more", cut, got)
		}
	}
}

// BenchmarkFollowAResponse is what a small response costs on its way out: the
// look for answers to malformed requests, and the following of its frames.
func BenchmarkFollowAResponse(b *testing.B) {
	response := someFrames()[:300+13+2*frameHeader]
	var bad malformed
	var f frames
	for b.Loop() {
		bad.reset(response, &f)
		f.advance(response)
	}
	if f.count != 2*b.N || !f.between() {
		b.Error("frames were missed")
	}
}
