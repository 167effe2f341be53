package staticfiles

import (
	"errors"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// conditions are the request header fields that decide whether a file is sent
// and which part of it (RFC 9110, sections 13 and 14).
type conditions struct {
	match, noneMatch, modifiedSince, unmodifiedSince, ifRange, ranges string
}

// add keeps a field if it is one of the conditions. The lines of a list are
// joined; of a field with one value the first counts.
func (c *conditions) add(name, value string) {
	switch len(name) {
	case len("Range"):
		setFirst(&c.ranges, name, "Range", value)
	case len("If-Match"):
		if strings.EqualFold(name, "If-Match") {
			c.match = join(c.match, value)
		} else {
			setFirst(&c.ifRange, name, "If-Range", value)
		}
	case len("If-None-Match"):
		if strings.EqualFold(name, "If-None-Match") {
			c.noneMatch = join(c.noneMatch, value)
		}
	case len("If-Modified-Since"):
		setFirst(&c.modifiedSince, name, "If-Modified-Since", value)
	case len("If-Unmodified-Since"):
		setFirst(&c.unmodifiedSince, name, "If-Unmodified-Since", value)
	}
}

func setFirst(field *string, name, want, value string) {
	if *field == "" && strings.EqualFold(name, want) {
		*field = value
	}
}

func join(list, value string) string {
	if list == "" {
		return value
	}
	return list + ", " + value
}

// version identifies the content of a file at one moment.
type version struct {
	size     int64
	modified time.Time
}

// etag is a strong validator: a write sets the modification time, to the
// nanosecond where the file system can.
func (v version) etag() string {
	buf := make([]byte, 0, 32)
	buf = append(buf, '"')
	buf = strconv.AppendInt(buf, v.modified.UnixNano(), 36)
	buf = append(buf, '-')
	buf = strconv.AppendInt(buf, v.size, 36)
	return string(append(buf, '"'))
}

// dated reports whether the file system knows when the file was modified.
func (v version) dated() bool { return v.modified.Unix() != 0 && !v.modified.IsZero() }

// byteRange is a part of a file.
type byteRange struct{ start, length int64 }

// contentRange is the value of Content-Range for the part of a file of size bytes.
func (r byteRange) contentRange(size int64) string {
	return "bytes " + strconv.FormatInt(r.start, 10) + "-" + strconv.FormatInt(r.start+r.length-1, 10) +
		"/" + strconv.FormatInt(size, 10)
}

// decide says by which status a GET or HEAD request for a file is answered. With
// 206 come the parts to send, one or more; 200 means the whole file.
func decide(method string, c conditions, v version, etag string) (status int, parts []byteRange) {
	if status := c.precondition(v, etag); status != http.StatusOK {
		return status, nil
	}
	if method != http.MethodGet || c.ranges == "" || !c.rangeHolds(v, etag) {
		return http.StatusOK, nil
	}
	parts, err := parseRanges(c.ranges, v.size)
	switch {
	case err != nil:
		return http.StatusRequestedRangeNotSatisfiable, nil
	case len(parts) == 0:
		return http.StatusOK, nil
	}
	return http.StatusPartialContent, parts
}

// precondition evaluates all but If-Range, in the order of RFC 9110, 13.2.2. It
// returns 200 where the request goes on.
func (c *conditions) precondition(v version, etag string) int {
	switch {
	case c.match != "":
		if !listed(c.match, etag, false) {
			return http.StatusPreconditionFailed
		}
	case c.unmodifiedSince != "":
		if t, ok := c.date(c.unmodifiedSince, v); ok && v.modified.Truncate(time.Second).After(t) {
			return http.StatusPreconditionFailed
		}
	}
	switch {
	case c.noneMatch != "":
		if listed(c.noneMatch, etag, true) {
			return http.StatusNotModified
		}
	case c.modifiedSince != "":
		if t, ok := c.date(c.modifiedSince, v); ok && !v.modified.Truncate(time.Second).After(t) {
			return http.StatusNotModified
		}
	}
	return http.StatusOK
}

// date parses the date of a condition; a malformed one is ignored, as is any
// where the file has none to compare.
func (*conditions) date(value string, v version) (time.Time, bool) {
	t, err := http.ParseTime(value)
	return t, err == nil && v.dated()
}

// rangeHolds evaluates If-Range: the parts are wanted of this version alone.
func (c *conditions) rangeHolds(v version, etag string) bool {
	if c.ifRange == "" {
		return true
	}
	if tag, rest := scanETag(c.ifRange); tag != "" {
		return rest == "" && tag == etag
	}
	t, ok := c.date(c.ifRange, v)
	return ok && v.modified.Unix() == t.Unix()
}

// listed reports whether a list of entity tags names this one, or all by a star.
// A weak comparison overlooks the mark of weak tags.
func listed(list, etag string, weak bool) bool {
	for {
		list = textproto.TrimString(list)
		if strings.HasPrefix(list, ",") {
			list = list[1:]
			continue
		}
		if strings.HasPrefix(list, "*") {
			return true
		}
		tag, rest := scanETag(list)
		if tag == "" {
			return false
		}
		if tag == etag || weak && strings.TrimPrefix(tag, "W/") == etag {
			return true
		}
		list = rest
	}
}

// scanETag takes an entity tag off the beginning of s; it is empty if there is none.
func scanETag(s string) (tag, rest string) {
	s = textproto.TrimString(s)
	start := 0
	if strings.HasPrefix(s, "W/") {
		start = 2
	}
	if len(s[start:]) < 2 || s[start] != '"' {
		return "", ""
	}
	for i := start + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], textproto.TrimString(s[i+1:])
		case c < 0x21 || c == 0x7f:
			return "", ""
		}
	}
	return "", ""
}

// maxParts bounds how many parts one response may have. Each costs a header of
// its own, which is more than a small part itself.
const maxParts = 64

var errRange = errors.New("range not satisfiable")

// parseRanges finds the parts of a file of size bytes that a Range field names.
// None means that the field is to be ignored: its unit is unknown, the file is
// empty, or the whole file is cheaper than the parts.
func parseRanges(field string, size int64) (parts []byteRange, err error) {
	unit, set, found := strings.Cut(field, "=")
	if !found || !strings.EqualFold(textproto.TrimString(unit), "bytes") || size == 0 {
		return nil, nil
	}
	var sum int64
	named := 0
	for spec := range strings.SplitSeq(set, ",") {
		if spec = textproto.TrimString(spec); spec == "" {
			continue
		}
		if named++; named > maxParts {
			return nil, nil
		}
		part, ok, err := parseRange(spec, size)
		if err != nil {
			return nil, err
		}
		if ok {
			parts, sum = append(parts, part), sum+part.length
		}
	}
	if named > 0 && len(parts) == 0 {
		return nil, errRange
	}
	if sum > size { // they overlap
		return nil, nil
	}
	return parts, nil
}

// parseRange understands "first-last", "first-" and "-length". A part that
// begins behind the end of the file is not there, which is not malformed.
func parseRange(spec string, size int64) (part byteRange, ok bool, err error) {
	first, last, found := strings.Cut(spec, "-")
	if !found {
		return byteRange{}, false, errRange
	}
	if first == "" {
		n, err := parsePosition(last)
		if err != nil {
			return byteRange{}, false, err
		}
		n = min(n, size)
		return byteRange{size - n, n}, n > 0, nil
	}
	start, err := parsePosition(first)
	if err != nil {
		return byteRange{}, false, err
	}
	end := size - 1
	if last != "" {
		n, err := parsePosition(last)
		if err != nil || n < start {
			return byteRange{}, false, errRange
		}
		end = min(n, end)
	}
	return byteRange{start, end - start + 1}, start < size, nil
}

// parsePosition reads digits and nothing else: no sign, as ParseInt would take.
func parsePosition(s string) (int64, error) {
	s = textproto.TrimString(s)
	n, err := strconv.ParseUint(s, 10, 63)
	if errors.Is(err, strconv.ErrRange) {
		return 1<<63 - 1, nil // past the end of any file
	}
	if err != nil {
		return 0, errRange
	}
	return int64(n), nil
}
