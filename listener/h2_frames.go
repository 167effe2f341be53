package listener

import "encoding/binary"

// frames follows the frames of HTTP/2 in one direction.
type frames struct {
	skip   int               // bytes before the first frame
	header [frameHeader]byte // of the frame at hand
	have   int               // bytes of its header seen
	left   int               // bytes of it still to come
	count  int               // of complete ones
	acks   int               // of pings among them

	farewells int // GOAWAYs among them

	// part is the beginning of a short payload, or the setting at hand, seen the
	// bytes of it so far.
	part [settingLen]byte
	seen int
	// watch is told of each frame; may be nil.
	watch frameWatcher
}

// frameWatcher is told what passes in one direction, in order.
type frameWatcher interface {
	setting(id uint16, value uint32)
	// frame has passed. value is the beginning of its payload, zero if that is
	// shorter than four bytes or of a kind that does not matter.
	frame(kind, flags byte, stream uint32, length int, value uint32)
}

// frameHeader is the length of a frame's header: length, type, flags and stream.
const frameHeader = 9

func (f *frames) between() bool { return f.have == 0 }

// settings is the length of the settings that follow, if nothing but the header
// of their frame has passed; else 0.
func (f *frames) settings() int {
	if f.have == frameHeader && f.header[3] == frameSettings && f.header[4]&flagAck == 0 && f.left == lengthOf(f.header[:]) {
		return f.left
	}
	return 0
}

// lengthOf is how long a frame is behind its header.
func lengthOf(header []byte) int {
	return int(header[0])<<16 | int(header[1])<<8 | int(header[2])
}

// advance tells that p has passed.
func (f *frames) advance(p []byte) {
	if f.skip > 0 {
		n := min(f.skip, len(p))
		f.skip -= n
		p = p[n:]
	}
	for len(p) > 0 {
		if f.have == 0 && len(p) >= frameHeader { // nearly always
			if end := frameHeader + lengthOf(p); end <= len(p) {
				f.payload(p[3], p[4], p[frameHeader:end])
				f.passed(p[:frameHeader])
				p = p[end:]
				continue
			}
		}
		if f.have < frameHeader {
			n := copy(f.header[f.have:], p)
			f.have += n
			p = p[n:]
			if f.have < frameHeader {
				return
			}
			f.left = lengthOf(f.header[:])
		}
		n := min(f.left, len(p))
		f.payload(f.header[3], f.header[4], p[:n])
		f.left -= n
		p = p[n:]
		if f.left == 0 {
			f.passed(f.header[:])
			f.have, f.header = 0, [frameHeader]byte{}
		}
	}
}

// payload looks at the next bytes of a payload.
func (f *frames) payload(kind, flags byte, p []byte) {
	switch {
	case f.watch == nil:
	case kind == frameSettings && flags&flagAck == 0:
		for len(p) > 0 {
			n := copy(f.part[f.seen:], p)
			f.seen += n
			p = p[n:]
			if f.seen == settingLen {
				f.watch.setting(binary.BigEndian.Uint16(f.part[:]), binary.BigEndian.Uint32(f.part[2:]))
				f.seen = 0
			}
		}
	case kind == frameReset || kind == frameWindow || kind == frameData && flags&flagPadded != 0:
		f.seen += copy(f.part[min(f.seen, 4):4], p)
	}
}

// passed counts a frame that is complete.
func (f *frames) passed(header []byte) {
	kind, flags := header[3], header[4]
	f.count++
	switch {
	case kind == framePing && flags&flagAck != 0:
		f.acks++
	case kind == frameGoAway:
		f.farewells++
	}
	if f.watch != nil {
		stream := binary.BigEndian.Uint32(header[5:]) &^ (1 << 31)
		f.watch.frame(kind, flags, stream, lengthOf(header), binary.BigEndian.Uint32(f.part[:]))
		f.seen, f.part = 0, [settingLen]byte{}
	}
}
