package prefork

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Kinds of frames.
const (
	kindSettings = "settings" // master: take these settings; answered by a reply
	kindTimeout  = "timeout"  // master: drain, or serve on, for so long should I die
	kindDrain    = "drain"    // master: finish within the timeout, then exit; said again, this timeout holds
	kindConn     = "conn"     // master: serve the connection that comes with this, handed over if there is a body; answered when taken
	kindGive     = "give"     // worker: hand over the connection that comes with this; answered when another has it
	kindCall     = "call"     // master: a question; answered by a reply
	kindReply    = "reply"    // worker: the answer to the frame with this id
	kindAdopt    = "adopt"    // new master: tell me what you are; answered by orphan, twice
	kindOrphan   = "orphan"   // worker: what I am and my slot; then my memory
	kindOutput   = "output"   // master: print to the pipe that comes with this
	kindLeave    = "leave"    // worker: I was asked to end; please drain me
)

// maxHead bounds the JSON part of a frame, error texts included.
const maxHead = 64 << 10

// frame is one message between master and worker: on the wire, the lengths of
// head and body as two big-endian uint32, the head in JSON, the body as it is.
type frame struct {
	Kind string `json:"kind"`
	// ID ties a reply to what it answers. The sender of the question chooses it.
	ID         uint64        `json:"id,omitempty"`
	Generation uint64        `json:"generation,omitempty"`
	Call       string        `json:"call,omitempty"`
	Timeout    time.Duration `json:"timeout,omitempty"`
	Error      string        `json:"error,omitempty"`
	// Orphan is how long to serve on should the master die, and OrphanDir where
	// another one will look.
	Orphan    time.Duration `json:"orphan,omitempty"`
	OrphanDir string        `json:"nest,omitempty"`
	// Capabilities of who says adopt.
	Capabilities
	// Handover says that others take connections over.
	Handover bool `json:"handover,omitempty"`
	// Files is how many descriptors come with the frame: none or one in all that is
	// known here.
	Files int    `json:"files,omitempty"`
	Body  []byte `json:"-"`
}

// encode returns the bytes of f.
func (f frame) encode() ([]byte, error) {
	if len(f.Error) > maxHead/8 { // JSON needs up to six bytes for one
		f.Error = f.Error[:maxHead/8]
	}
	head, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	if len(head) > maxHead || len(f.Body) > MaxPayload {
		return nil, fmt.Errorf("message %q of %d + %d bytes is too large: at most %d + %d",
			f.Kind, len(head), len(f.Body), maxHead, MaxPayload)
	}
	b := make([]byte, 0, 8+len(head)+len(f.Body))
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Body)))
	b = append(b, head...)
	return append(b, f.Body...), nil
}

// readFrame reads the next frame. It returns io.EOF only between two frames, and
// allocates no more than has really arrived.
func readFrame(r io.Reader) (frame, error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return frame{}, err
	}
	head, body := binary.BigEndian.Uint32(lengths[:4]), binary.BigEndian.Uint32(lengths[4:])
	if head > maxHead || body > MaxPayload {
		return frame{}, fmt.Errorf("frame of %d + %d bytes is too large", head, body)
	}
	var f frame
	text, err := readExactly(r, int64(head))
	if err != nil {
		return frame{}, err
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return frame{}, fmt.Errorf("malformed frame: %w", err)
	}
	if f.Files < 0 {
		return frame{}, fmt.Errorf("frame with %d descriptors", f.Files)
	}
	if f.Body, err = readExactly(r, int64(body)); err != nil {
		return frame{}, err
	}
	return f, nil
}

func readExactly(r io.Reader, n int64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b.Bytes(), err
}
