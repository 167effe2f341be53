package listener

import "math"

// framingParser reads what a client sends before the HTTP/1.1 engine does and lets only
// well-formed messages through: the engine is lenient in places where leniency
// makes two servers in a row see two different requests. It looks at each byte
// of a header once, at none of a body, and keeps nothing but where it stands,
// so that it costs no memory and does not mind how the bytes are cut.
//
// The zero value stands before the first request.
type framingParser struct {
	on      bool
	state   framingState
	field   framingField
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

// framingState is what the next byte belongs to. Those up to framingEnd are a header.
type framingState uint8

const (
	framingStart   framingState = iota // the first byte of a request
	framingBlank                       // the LF of an empty line before it
	framingFirst                       // the same after such a line
	framingLine                        // the request line
	framingLineLF                      // its LF
	framingName0                       // the first byte of a name, or of the end
	framingName                        // the name of a field
	framingValue                       // the value of a field
	framingValueLF                     // its LF
	framingEnd                         // the last LF of a header or trailer
	framingSize0                       // the first digit of a chunk's size
	framingSize                        // further digits
	framingExt                         // a chunk's extension
	framingSizeLF                      // the LF after both
	framingDataCR                      // the CR after a chunk
	framingDataLF                      // its LF
	framingData                        // a chunk
	framingBody                        // a body of known length
)

// framingField is a field that decides where a message ends.
type framingField uint8

const (
	fieldOther framingField = iota
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
func (g *framingParser) pass(p []byte, maxHeader int) int {
	i := 0
	for i < len(p) && g.refused == 0 {
		switch {
		case g.state <= framingEnd:
			i = g.header(p, i, maxHeader)
		case g.state >= framingData:
			i = g.skip(p, i)
		default:
			i = g.chunk(p[i], i, maxHeader)
		}
	}
	return i
}

// refuse ends the passage. An engine that has nothing of a request would close
// without an answer, so it gets the first byte even if that is the wrong one.
func (g *framingParser) refuse(status, i int) int {
	g.refused = status
	if g.state <= framingFirst {
		return i + 1
	}
	return i
}

// begun says whether a request has begun and not ended.
func (g *framingParser) begun() bool { return g.state > framingFirst }

func (g *framingParser) skip(p []byte, i int) int {
	n := min(g.left, int64(len(p)-i))
	g.left -= n
	if g.left == 0 {
		g.state = framingStart
		if g.coded {
			g.state = framingDataCR
		}
	}
	return i + int(n)
}

// header goes on with a header or trailer until it ends or p does.
func (g *framingParser) header(p []byte, i, maxHeader int) int {
	if g.state == framingStart {
		*g = framingParser{on: g.on}
	}
	end := min(len(p), i+max(maxHeader-g.n, 0))
	for from := i; i < end; {
		i = g.fields(p[:end], i)
		if g.refused != 0 || g.state == framingStart || g.state > framingEnd {
			return i
		}
		if i == end {
			g.n += i - from
		}
	}
	if end == len(p) {
		return i
	}
	if g.state <= framingLine {
		return g.refuse(statusURITooLong, i)
	}
	return g.refuse(statusHeaderTooLarge, i)
}

// fields takes a run of bytes of one state, or one byte into the next state.
func (g *framingParser) fields(p []byte, i int) int {
	c := p[i]
	switch g.state {
	case framingStart, framingFirst:
		switch {
		case classes[c]&inToken != 0:
			g.state = framingLine
			return i
		case c == '\r':
			g.state = framingBlank
			return i + 1
		}
	case framingBlank:
		if c == '\n' {
			g.state = framingFirst
			return i + 1
		}
	case framingLine:
		return g.line(p, i)
	case framingLineLF, framingValueLF:
		if c == '\n' {
			g.state = framingName0
			return i + 1
		}
	case framingName0:
		switch {
		case c == '\r':
			g.state = framingEnd
			return i + 1
		case classes[c]&inToken != 0:
			g.state, g.field, g.match = framingName, fieldOther, 0
			switch c | 0x20 {
			case 'c':
				g.field = fieldLength
			case 't':
				g.field = fieldCoding
			}
			return i
		}
	case framingName:
		return g.name(p, i)
	case framingValue:
		return g.value(p, i)
	case framingEnd:
		if c == '\n' {
			return g.complete(i)
		}
	}
	return g.refuse(statusBadRequest, i)
}

func (g *framingParser) line(p []byte, i int) int {
	for ; i < len(p); i++ {
		switch c := p[i]; {
		case classes[c]&inLine != 0:
		case c == ' ' && g.spaces < 2:
			g.spaces++
		case c == '\r' && g.spaces == 2:
			g.state = framingLineLF
			return i + 1
		default:
			return g.refuse(statusBadRequest, i)
		}
	}
	return i
}

func (g *framingParser) name(p []byte, i int) int {
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
func (g *framingParser) follow(word string, c byte) {
	if int(g.match) < len(word) && (c == word[g.match] || c|0x20 == word[g.match]) {
		g.match++
		return
	}
	g.field = fieldOther
}

func (g *framingParser) named(i int) int {
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
	g.state, g.match, g.filled, g.ended = framingValue, 0, false, false
	return i + 1
}

func (g *framingParser) value(p []byte, i int) int {
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
		g.state = framingValueLF
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

func (g *framingParser) digit(c byte, i int) int {
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

func (g *framingParser) coding(c byte, i int) int {
	if g.ended || int(g.match) == len(chunked) || c|0x20 != chunked[g.match] {
		return g.refuse(statusNotImplemented, i)
	}
	g.match++
	g.filled = true
	return i + 1
}

// valued is called at the end of a value.
func (g *framingParser) valued() int {
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
func (g *framingParser) complete(i int) int {
	switch {
	case g.trailer:
		g.state = framingStart
	case g.coded:
		g.state, g.n = framingSize0, 0
	case g.left > 0:
		g.state = framingBody
	default:
		g.state = framingStart
	}
	return i + 1
}

// chunk takes one byte of what surrounds the data of a chunk.
func (g *framingParser) chunk(c byte, i, maxHeader int) int {
	switch d := hex(c); {
	case g.state <= framingSize && d >= 0:
		return g.sizeDigit(d, i)
	case g.state == framingSize && c == ';':
		g.state, g.match = framingExt, 0
	case (g.state == framingSize || g.state == framingExt) && c == '\r':
		g.state = framingSizeLF
	case g.state == framingExt && classes[c]&inValue != 0:
		g.n++
		g.match++ // is zero again at the 256th byte, which is one too many
		if g.match == 0 || g.n > maxHeader {
			return g.refuse(statusBodyTooLarge, i)
		}
	case g.state == framingSizeLF && c == '\n':
		g.sizeDone()
	case g.state == framingDataCR && c == '\r':
		g.state = framingDataLF
	case g.state == framingDataLF && c == '\n':
		g.state = framingSize0
	default:
		return g.refuse(statusBadRequest, i)
	}
	return i + 1
}

func (g *framingParser) sizeDigit(d, i int) int {
	if g.state == framingSize0 {
		g.state, g.left, g.match = framingSize, 0, 0
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

func (g *framingParser) sizeDone() {
	g.state = framingData
	if g.left == 0 {
		g.state, g.trailer, g.n = framingName0, true, 0
	}
}
