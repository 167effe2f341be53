package listener

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// net/http is more lenient than RFC 9113 in one place and stricter in another.
// Both are mended on the way between it and the client, where that costs a look
// at the header of a frame.

const (
	frameData         = 0
	frameHeaders      = 1
	framePriority     = 2
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameGoAway       = 7
	frameWindow       = 8
	frameContinuation = 9

	flagAck        = 1
	flagEndStream  = 1
	flagEndHeaders = 4
	flagPadded     = 8
)

// unrepeat renames the settings that a later one of the same frame replaces,
// because net/http ends a connection over them: they become settings unknown to
// anybody, which have to be ignored. Those of the compression table stay as they
// are: each of them has an effect, not the last alone. So do those that are
// wrong, for which the connection is to end.
func unrepeat(settings []byte) {
	if len(settings) > 100*settingLen {
		return // more than net/http takes anyway
	}
	unused := uint16(0xffff)
	for i := 0; i+settingLen <= len(settings); i += settingLen {
		if !replaced(settings[i:]) {
			continue
		}
		for holds(settings, unused) {
			unused--
		}
		binary.BigEndian.PutUint16(settings[i:], unused)
	}
}

const settingLen = 6

// replaced says whether the first setting has no effect because of a later one.
func replaced(settings []byte) bool {
	id, value := binary.BigEndian.Uint16(settings), binary.BigEndian.Uint32(settings[2:])
	switch {
	case id == 1: // SETTINGS_HEADER_TABLE_SIZE
		return false
	case id == 2 && value > 1: // SETTINGS_ENABLE_PUSH
		return false
	case id == 4 && value > 1<<31-1: // SETTINGS_INITIAL_WINDOW_SIZE
		return false
	case id == 5 && (value < 1<<14 || value >= 1<<24): // SETTINGS_MAX_FRAME_SIZE
		return false
	}
	return holds(settings[settingLen:], id)
}

func holds(settings []byte, id uint16) bool {
	for ; len(settings) >= settingLen; settings = settings[settingLen:] {
		if binary.BigEndian.Uint16(settings) == id {
			return true
		}
	}
	return false
}

// malformed turns net/http's answer to a malformed request, one with a header of
// the connection or an odd TE, into what RFC 9113 (8.1.1) asks for: the stream
// is reset, behind the answer that explains it. Such an answer never passes a
// handler, and is known by what it says.
type malformed struct {
	// refused are streams that a 400 was sent on and whose end was not seen.
	refused map[uint32]struct{}
	// cut reports whether a stream is reset because its client stalls, which
	// net/http takes for an error of the protocol; may be nil.
	cut func(stream uint32) bool
}

// reset gives p, which net/http writes when f has been written, with the resets
// that are due. What is split between two writes in an odd place is left alone:
// an answered request is well ended, too.
func (m *malformed) reset(p []byte, f *frames) []byte {
	at := 0
	if !f.between() {
		if f.have < frameHeader {
			return p
		}
		at = f.left
	}
	for at+frameHeader <= len(p) {
		header := p[at : at+frameHeader]
		end := at + frameHeader + lengthOf(header)
		id := binary.BigEndian.Uint32(header[5:])
		payload := p[at+frameHeader : min(end, len(p))]
		switch header[3] {
		case frameHeaders:
			m.answered(id, header[4]&flagEndStream == 0 && badRequest(payload))
		case frameReset:
			delete(m.refused, id)
			if len(payload) == 4 && m.cut != nil && m.cut(id) {
				p = bytes.Clone(p)
				binary.BigEndian.PutUint32(p[at+frameHeader:], codeCancel)
			}
		case frameData:
			if _, ok := m.refused[id]; !ok || header[4]&flagEndStream == 0 {
				break
			}
			delete(m.refused, id)
			if end <= len(p) && explains(payload) {
				p = slices.Concat(p[:end], resetOf(id), p[end:])
				p[at+4] &^= flagEndStream
				end += len(resetOf(id))
			}
		}
		at = end
	}
	return p
}

func (m *malformed) answered(id uint32, refused bool) {
	if !refused {
		delete(m.refused, id)
		return
	}
	if m.refused == nil || len(m.refused) > maxStreams { // clients may reset streams unseen
		m.refused = map[uint32]struct{}{}
	}
	m.refused[id] = struct{}{}
}

// badRequest says whether a block of compressed headers begins with the status
// 400, as a response does: with an index of the static table, if anything behind
// changes of the size of the dynamic one.
func badRequest(block []byte) bool {
	for len(block) > 0 && block[0]&0xe0 == 0x20 {
		long := block[0]&0x1f == 0x1f
		block = block[1:]
		for long && len(block) > 0 {
			long = block[0]&0x80 != 0
			block = block[1:]
		}
	}
	return len(block) > 0 && block[0] == 0x80|12
}

// explains says whether a body is net/http's answer to a malformed request.
func explains(body []byte) bool {
	return len(body) < 100 && bytes.HasPrefix(body, []byte(`request header "`)) && bytes.HasSuffix(body, []byte(" in HTTP/2\n"))
}

// resetOf is a frame that ends a stream with a PROTOCOL_ERROR.
func resetOf(id uint32) []byte {
	frame := []byte{0, 0, 4, frameReset, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	binary.BigEndian.PutUint32(frame[5:], id)
	return frame
}
