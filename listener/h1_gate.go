package listener

import "math"

// gate reads what a client sends before the HTTP/1.1 engine does and lets only
// well-formed messages through: the engine is lenient in places where leniency
// makes two servers in a row see two different requests. It looks at each byte
// of a header once, at none of a body, and keeps nothing but where it stands,
// so that it costs no memory and does not mind how the bytes are cut.
//
// The zero value stands before the first request.
type gate struct {
	on      bool
	state   gateState
	field   gateField
	match   uint8 // bytes of the field's name or value that matched so far
	spaces  uint8 // in the request line
	trailer bool
	coded   bool // there is a Transfer-Encoding
	sized   bool // there is a Content-Length
	filled  bool // the value at hand has begun
	ended   bool // the value at hand has ended, only blanks may follow
	n       int  // bytes of the header, or of all chunk extensions
	left    int64
	refused int // status of what follows the bytes that were let through
}

// gateState is what the next byte belongs to. Those up to gateEnd are a header.
type gateState uint8

const (
	gateStart   gateState = iota // the first byte of a request
	gateBlank                    // the LF of an empty line before it
	gateFirst                    // the same after such a line
	gateLine                     // the request line
	gateLineLF                   // its LF
	gateName0                    // the first byte of a name, or of the end
	gateName                     // the name of a field
	gateValue                    // the value of a field
	gateValueLF                  // its LF
	gateEnd                      // the last LF of a header or trailer
	gateSize0                    // the first digit of a chunk's size
	gateSize                     // further digits
	gateExt                      // a chunk's extension
	gateSizeLF                   // the LF after both
	gateDataCR                   // the CR after a chunk
	gateDataLF                   // its LF
	gateData                     // a chunk
	gateBody                     // a body of known length
)

// gateField is a field that decides where a message ends.
type gateField uint8

const (
	fieldOther gateField = iota
	fieldLength
	fieldCoding
)

var fieldNames = [...]string{fieldLength: "content-length", fieldCoding: "transfer-encoding"}

const chunked = "chunked"

// Classes of bytes.
const (
	inToken = 1 << iota // of a method or a name
	inLine              // of a request line
	inValue             // of a value or an extension
)

var classes = func() (t [256]uint8) {
	for c := range t {
		if c > ' ' && c != 0x7f {
			t[c] |= inLine | inValue
		}
	}
	t[' '] |= inValue
	t['\t'] |= inValue
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		t[c] |= inToken
	}
	return t
}()

// pass gives how many bytes of p may go on to the engine. Fewer than all means
// that the next byte is wrong, and refused says what to answer.
func (g *gate) pass(p []byte, maxHeader int) int {
	i := 0
	for i < len(p) && g.refused == 0 {
		switch {
		case g.state <= gateEnd:
			i = g.header(p, i, maxHeader)
		case g.state >= gateData:
			i = g.skip(p, i)
		default:
			i = g.chunk(p[i], i, maxHeader)
		}
	}
	return i
}

// refuse ends the passage. An engine that has nothing of a request would close
// without an answer, so it gets the first byte even if that is the wrong one.
func (g *gate) refuse(status, i int) int {
	g.refused = status
	if g.state <= gateFirst {
		return i + 1
	}
	return i
}

// begun says whether a request has begun and not ended.
func (g *gate) begun() bool { return g.state > gateFirst }

func (g *gate) skip(p []byte, i int) int {
	n := min(g.left, int64(len(p)-i))
	g.left -= n
	if g.left == 0 {
		g.state = gateStart
		if g.coded {
			g.state = gateDataCR
		}
	}
	return i + int(n)
}

// header goes on with a header or trailer until it ends or p does.
func (g *gate) header(p []byte, i, maxHeader int) int {
	if g.state == gateStart {
		*g = gate{on: g.on}
	}
	end := min(len(p), i+max(maxHeader-g.n, 0))
	for from := i; i < end; {
		i = g.fields(p[:end], i)
		if g.refused != 0 || g.state == gateStart || g.state > gateEnd {
			return i
		}
		if i == end {
			g.n += i - from
		}
	}
	if end == len(p) {
		return i
	}
	if g.state <= gateLine {
		return g.refuse(statusURITooLong, i)
	}
	return g.refuse(statusHeaderTooLarge, i)
}

// fields takes a run of bytes of one state, or one byte into the next state.
func (g *gate) fields(p []byte, i int) int {
	c := p[i]
	switch g.state {
	case gateStart, gateFirst:
		switch {
		case classes[c]&inToken != 0:
			g.state = gateLine
			return i
		case c == '\r':
			g.state = gateBlank
			return i + 1
		}
	case gateBlank:
		if c == '\n' {
			g.state = gateFirst
			return i + 1
		}
	case gateLine:
		return g.line(p, i)
	case gateLineLF, gateValueLF:
		if c == '\n' {
			g.state = gateName0
			return i + 1
		}
	case gateName0:
		switch {
		case c == '\r':
			g.state = gateEnd
			return i + 1
		case classes[c]&inToken != 0:
			g.state, g.field, g.match = gateName, fieldOther, 0
			switch c | 0x20 {
			case 'c':
				g.field = fieldLength
			case 't':
				g.field = fieldCoding
			}
			return i
		}
	case gateName:
		return g.name(p, i)
	case gateValue:
		return g.value(p, i)
	case gateEnd:
		if c == '\n' {
			return g.complete(i)
		}
	}
	return g.refuse(statusBadRequest, i)
}

func (g *gate) line(p []byte, i int) int {
	for ; i < len(p); i++ {
		switch c := p[i]; {
		case classes[c]&inLine != 0:
		case c == ' ' && g.spaces < 2:
			g.spaces++
		case c == '\r' && g.spaces == 2:
			g.state = gateLineLF
			return i + 1
		default:
			return g.refuse(statusBadRequest, i)
		}
	}
	return i
}

func (g *gate) name(p []byte, i int) int {
	for ; i < len(p); i++ {
		c := p[i]
		if classes[c]&inToken == 0 {
			if c != ':' {
				return g.refuse(statusBadRequest, i)
			}
			return g.named(i)
		}
		if g.field != fieldOther {
			g.follow(fieldNames[g.field], c)
		}
	}
	return i
}

// follow forgets the field unless c continues the word.
func (g *gate) follow(word string, c byte) {
	if int(g.match) < len(word) && (c == word[g.match] || c|0x20 == word[g.match]) {
		g.match++
		return
	}
	g.field = fieldOther
}

func (g *gate) named(i int) int {
	if g.field != fieldOther && int(g.match) < len(fieldNames[g.field]) {
		g.field = fieldOther
	}
	if g.field != fieldOther && (g.sized || g.coded) { // which holds in any trailer
		return g.refuse(statusBadRequest, i)
	}
	switch g.field {
	case fieldLength:
		g.sized, g.left = true, 0
	case fieldCoding:
		g.coded = true
	}
	g.state, g.match, g.filled, g.ended = gateValue, 0, false, false
	return i + 1
}

func (g *gate) value(p []byte, i int) int {
	if g.field == fieldOther {
		for i < len(p) && classes[p[i]]&inValue != 0 {
			i++
		}
		if i == len(p) {
			return i
		}
	}
	switch c := p[i]; {
	case c == '\r':
		if status := g.valued(); status != 0 {
			return g.refuse(status, i)
		}
		g.state = gateValueLF
	case classes[c]&inValue == 0:
		return g.refuse(statusBadRequest, i)
	case c == ' ' || c == '\t':
		g.ended = g.filled
	case g.field == fieldLength:
		return g.digit(c, i)
	default:
		return g.coding(c, i)
	}
	return i + 1
}

func (g *gate) digit(c byte, i int) int {
	d := int64(c) - '0'
	if d < 0 || d > 9 || g.ended {
		return g.refuse(statusBadRequest, i)
	}
	if g.left > (math.MaxInt64-d)/10 {
		return g.refuse(statusBodyTooLarge, i)
	}
	g.left, g.filled = g.left*10+d, true
	return i + 1
}

func (g *gate) coding(c byte, i int) int {
	if g.ended || int(g.match) == len(chunked) || c|0x20 != chunked[g.match] {
		return g.refuse(statusNotImplemented, i)
	}
	g.match++
	g.filled = true
	return i + 1
}

// valued is called at the end of a value.
func (g *gate) valued() int {
	switch {
	case g.field == fieldOther:
	case !g.filled:
		return statusBadRequest
	case g.field == fieldCoding && int(g.match) < len(chunked):
		return statusNotImplemented
	}
	return 0
}

// complete is called at the last byte of a header or trailer.
func (g *gate) complete(i int) int {
	switch {
	case g.trailer:
		g.state = gateStart
	case g.coded:
		g.state, g.n = gateSize0, 0
	case g.left > 0:
		g.state = gateBody
	default:
		g.state = gateStart
	}
	return i + 1
}

// chunk takes one byte of what surrounds the data of a chunk.
func (g *gate) chunk(c byte, i, maxHeader int) int {
	switch d := hex(c); {
	case g.state <= gateSize && d >= 0:
		return g.sizeDigit(d, i)
	case g.state == gateSize && c == ';':
		g.state, g.match = gateExt, 0
	case (g.state == gateSize || g.state == gateExt) && c == '\r':
		g.state = gateSizeLF
	case g.state == gateExt && classes[c]&inValue != 0:
		g.n++
		g.match++ // is zero again at the 256th byte, which is one too many
		if g.match == 0 || g.n > maxHeader {
			return g.refuse(statusBodyTooLarge, i)
		}
	case g.state == gateSizeLF && c == '\n':
		g.sizeDone()
	case g.state == gateDataCR && c == '\r':
		g.state = gateDataLF
	case g.state == gateDataLF && c == '\n':
		g.state = gateSize0
	default:
		return g.refuse(statusBadRequest, i)
	}
	return i + 1
}

func (g *gate) sizeDigit(d, i int) int {
	if g.state == gateSize0 {
		g.state, g.left, g.match = gateSize, 0, 0
	}
	if g.match++; g.match > maxSizeDigits {
		return g.refuse(statusBodyTooLarge, i)
	}
	g.left = g.left<<4 | int64(d)
	return i + 1
}

// maxSizeDigits keeps the size of a chunk within 60 bits, which is what the
// engine can read.
const maxSizeDigits = 15

func (g *gate) sizeDone() {
	g.state = gateData
	if g.left == 0 {
		g.state, g.trailer, g.n = gateName0, true, 0
	}
}
