package listener

// frames follows the frames of HTTP/2 in one direction.
type frames struct {
	skip   int               // bytes before the first frame
	header [frameHeader]byte // of the frame at hand
	have   int               // bytes of its header seen
	left   int               // bytes of it still to come
	count  int               // of complete ones
	acks   int               // of pings among them

	farewells int // GOAWAYs among them
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
				f.passed(p[3], p[4])
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
		f.left -= n
		p = p[n:]
		if f.left == 0 {
			f.passed(f.header[3], f.header[4])
			f.have, f.header = 0, [frameHeader]byte{}
		}
	}
}

// passed counts a frame that is complete.
func (f *frames) passed(kind, flags byte) {
	f.count++
	switch {
	case kind == framePing && flags&flagAck != 0:
		f.acks++
	case kind == frameGoAway:
		f.farewells++
	}
}
