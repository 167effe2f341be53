package listener

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
)

// FuzzSettings renames settings and checks that the last of each kind is still
// what it was, that nothing moved, and that nothing is said twice that need not.
func FuzzSettings(f *testing.F) {
	f.Add([]byte("\x00\x04\x00\x00\x00\x64\x00\x04\x00\x00\x00\x01"))
	f.Add([]byte("\x00\x01\x00\x00\x00\x00\x00\x01\x00\x00\x10\x00\x00\x02\x00\x00\x00\x09\x00\x02\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xff\x00\x00\x00\x64\xff\xff\x00\x00\x00\x01\xff\xff\x00"))
	f.Fuzz(func(t *testing.T, settings []byte) {
		before := bytes.Clone(settings)
		unrepeat(settings)
		if got, want := lastOfEach(settings), lastOfEach(before); len(settings) <= 100*settingLen {
			for id, value := range want {
				if got[id] != value {
					t.Errorf("%x became %x: setting %d is %d, was %d", before, settings, id, got[id], value)
				}
			}
		} else if !bytes.Equal(settings, before) {
			t.Errorf("a frame that ends the connection was changed")
		}
		for i := 0; i+settingLen <= len(settings) && len(settings) <= 100*settingLen; i += settingLen {
			if replaced(settings[i:]) {
				t.Errorf("%x still repeats itself at %d", settings, i)
			}
		}
	})
}

func lastOfEach(settings []byte) map[uint16]uint32 {
	last := map[uint16]uint32{}
	for ; len(settings) >= settingLen; settings = settings[settingLen:] {
		last[binary.BigEndian.Uint16(settings)] = binary.BigEndian.Uint32(settings[2:])
	}
	return last
}

// FuzzFrames cuts what an engine writes in two and checks that following it in
// pieces is the same as following the whole, and that a good stream is not touched.
func FuzzFrames(f *testing.F) {
	answer := "\x00\x00\x01\x01\x04\x00\x00\x00\x01\x8c" + "\x00\x00\x33\x00\x01\x00\x00\x00\x01request header \"Connection\" is not valid in HTTP/2\n"
	f.Add([]byte(answer), 0)
	f.Add([]byte(answer+answer), 12)
	f.Add([]byte("\x00\x00\x02\x01\x04\x00\x00\x00\x01\x3f\xff"), 3)
	f.Add([]byte("\x00\x00\x0c\x04\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x07\x00\x03\x00\x00\x00\x08\x00\x00\x04\x08\x00\x00\x00\x00\x01\x00\x00\x00\x09"), 17)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		cut = max(0, min(cut, len(p)))
		var whole, pieces frames
		var seen, seenInPieces heard
		whole.watch, pieces.watch = &seen, &seenInPieces
		whole.advance(p)
		var bad malformed
		for _, piece := range [][]byte{p[:cut], p[cut:]} {
			if q := bad.reset(bytes.Clone(piece), &pieces); len(q) < len(piece) || (len(q)-len(piece))%13 != 0 {
				t.Errorf("%x became %x", piece, q)
			}
			pieces.advance(piece)
		}
		if seen != seenInPieces {
			t.Errorf("of the whole was seen %q, of two pieces %q", seen, seenInPieces)
		}
		whole.watch, pieces.watch = nil, nil
		if whole != pieces {
			t.Errorf("at %+v after the whole, %+v after two pieces", whole, pieces)
		}
	})
}

// heard is what a watcher of frames was told.
type heard string

func (h *heard) setting(id uint16, value uint32) {
	*h += heard(fmt.Sprintf("setting %d %d; ", id, value))
}

func (h *heard) frame(kind, flags byte, stream uint32, length int, value uint32) {
	*h += heard(fmt.Sprintf("frame %d %d %d %d %d; ", kind, flags, stream, length, value))
}
