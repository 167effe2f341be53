package staticfiles

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPreconditionsDecide goes through RFC 9110, section 13.2.2.
func TestPreconditionsDecide(t *testing.T) {
	v := version{size: 100, modified: time.Date(2026, 5, 4, 3, 2, 1, 500, time.UTC)}
	const tag, other = `"a"`, `"b"`
	at := v.modified.Format(http.TimeFormat)
	before, after := v.modified.Add(-time.Second).Format(http.TimeFormat), v.modified.Add(time.Second).Format(http.TimeFormat)
	for _, tt := range []struct {
		name, method string
		header       []string // name, value, …
		want         int
	}{
		{"no condition", "GET", nil, 200},
		{"its tag", "GET", []string{"If-Match", tag}, 200},
		{"another tag", "GET", []string{"If-Match", other}, 412},
		{"one of several", "GET", []string{"if-match", other, "IF-MATCH", tag}, 200},
		{"any", "GET", []string{"If-Match", "*"}, 200},
		{"a weak one does not match strongly", "GET", []string{"If-Match", "W/" + tag}, 412},
		{"unchanged since", "GET", []string{"If-Unmodified-Since", at}, 200},
		{"changed since", "GET", []string{"If-Unmodified-Since", before}, 412},
		{"If-Match goes before a date", "GET", []string{"If-Match", tag, "If-Unmodified-Since", before}, 200},
		{"no date at all", "GET", []string{"If-Unmodified-Since", "yesterday"}, 200},
		{"known", "GET", []string{"If-None-Match", tag}, 304},
		{"known weakly", "HEAD", []string{"If-None-Match", "W/" + tag}, 304},
		{"known among others", "GET", []string{"If-None-Match", other + " ,, " + tag}, 304},
		{"not known", "GET", []string{"If-None-Match", other}, 200},
		{"no tags", "GET", []string{"If-None-Match", "a"}, 200},
		{"not modified", "GET", []string{"If-Modified-Since", at}, 304},
		{"not modified for long", "GET", []string{"If-Modified-Since", after}, 304},
		{"modified", "GET", []string{"If-Modified-Since", before}, 200},
		{"the first date counts", "GET", []string{"If-Modified-Since", before, "If-Modified-Since", at}, 200},
		{"If-None-Match goes before a date", "GET", []string{"If-None-Match", other, "If-Modified-Since", at}, 200},
		{"a part", "GET", []string{"Range", "bytes=0-9"}, 206},
		{"no part of a HEAD", "HEAD", []string{"Range", "bytes=0-9"}, 200},
		{"beyond", "GET", []string{"Range", "bytes=100-"}, 416},
		{"a part of this version", "GET", []string{"Range", "bytes=0-9", "If-Range", tag}, 206},
		{"a part of another version", "GET", []string{"Range", "bytes=0-9", "If-Range", other}, 200},
		{"a part of a weak version", "GET", []string{"Range", "bytes=0-9", "If-Range", "W/" + tag}, 200},
		{"a part as of a date", "GET", []string{"Range", "bytes=0-9", "If-Range", at}, 206},
		{"a part as of another date", "GET", []string{"Range", "bytes=0-9", "If-Range", after}, 200},
		{"two tags are no version", "GET", []string{"Range", "bytes=0-9", "If-Range", tag + " x"}, 200},
		{"conditions go before parts", "GET", []string{"Range", "bytes=100-", "If-None-Match", tag}, 304},
	} {
		var c conditions
		for i := 0; i < len(tt.header); i += 2 {
			c.add(tt.header[i], tt.header[i+1])
		}
		if got, parts := decide(tt.method, c, v, tag); got != tt.want || (got == 206) != (len(parts) > 0) {
			t.Errorf("%s: %d with parts %v, want %d", tt.name, got, parts, tt.want)
		}
	}
	undated := version{size: 100, modified: time.Unix(0, 0)}
	if got, _ := decide("GET", conditions{modifiedSince: at, unmodifiedSince: before}, undated, tag); got != 200 {
		t.Errorf("a file without a date: %d, want 200", got)
	}
}

func TestAVersionIsTheContentOfAFile(t *testing.T) {
	now := time.Now()
	seen := map[string]bool{}
	for _, v := range []version{{1, now}, {2, now}, {1, now.Add(1)}, {12, now}} {
		tag := v.etag()
		if got, rest := scanETag(tag); seen[tag] || got != tag || rest != "" {
			t.Errorf("etag %s of %+v, which another has or nobody can read", tag, v)
		}
		seen[tag] = true
	}
}

func TestRangesOfAFile(t *testing.T) {
	for _, tt := range []struct {
		field string
		size  int64
		want  []byteRange
		bad   bool
	}{
		{"bytes=0-0", 10, []byteRange{{0, 1}}, false},
		{"bytes=9-", 10, []byteRange{{9, 1}}, false},
		{"bytes=3-100", 10, []byteRange{{3, 7}}, false},
		{"bytes=-3", 10, []byteRange{{7, 3}}, false},
		{"bytes=-30", 10, []byteRange{{0, 10}}, false},
		{"BYTES = 1-2 , 5-6", 10, []byteRange{{1, 2}, {5, 2}}, false},
		{"bytes=0-0,,20-", 10, []byteRange{{0, 1}}, false},
		{"bytes=10-", 10, nil, true},
		{"bytes=-0", 10, nil, true},
		{"bytes=5-4", 10, nil, true},
		{"bytes=5", 10, nil, true},
		{"bytes=x-5", 10, nil, true},
		{"bytes=+1-5", 10, nil, true},
		{"bytes=--5", 10, nil, true},
		{"bytes=1-x", 10, nil, true},
		{"bytes=99999999999999999999-", 10, nil, true},
		{"bytes=1-99999999999999999999", 10, []byteRange{{1, 9}}, false},
		{"bytes=0-9,0-9", 10, nil, false},
		{"bytes=0-3,2-7", 10, []byteRange{{0, 4}, {2, 6}}, false},
		{"bytes=", 10, nil, false},
		{"bytes", 10, nil, false},
		{"lines=1-2", 10, nil, false},
		{"bytes=0-0", 0, nil, false},
		{"bytes=" + strings.Repeat("0-0,", maxParts), 1000, slices.Repeat([]byteRange{{0, 1}}, maxParts), false},
		{"bytes=" + strings.Repeat("0-0,", maxParts+1), 1000, nil, false},
	} {
		got, err := parseRanges(tt.field, tt.size)
		if !slices.Equal(got, tt.want) || (err != nil) != tt.bad {
			t.Errorf("%.40s of %d: %v, %v; want %v", tt.field, tt.size, got, err, tt.want)
		}
	}
	if got := (byteRange{3, 4}).contentRange(10); got != "bytes 3-6/10" {
		t.Errorf("Content-Range is %q", got)
	}
}

// FuzzRanges: whatever a client asks for, it gets parts of the file and no more.
func FuzzRanges(f *testing.F) {
	for _, s := range []string{"bytes=0-0", "bytes=-5", "bytes=3-,1-2", "bytes=9223372036854775807-", "bytes=0-9223372036854775807", "bytes=1-2,,-3"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, field string, size int64) {
		size = max(0, size)
		parts, err := parseRanges(field, size)
		if err != nil && len(parts) > 0 {
			t.Fatalf("parts %v and %v", parts, err)
		}
		var sum int64
		for _, p := range parts {
			if p.start < 0 || p.length < 1 || p.start >= size || p.length > size-p.start {
				t.Fatalf("%q: part %+v of a file of %d bytes", field, p, size)
			}
			if sum += p.length; sum < 0 || sum > size {
				t.Fatalf("%q: %d bytes of a file of %d", field, sum, size)
			}
		}
	})
}

// FuzzETags: a list of tags is read to its end, and names what is in it.
func FuzzETags(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a", "b"`, `*`, `"a`, `,,"a" "b"`, "\"\x00\""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if listed(list, `"a"`, false) && !listed(list, `"a"`, true) {
			t.Errorf("%q has a tag strongly, but not weakly", list)
		}
		if tag, rest := scanETag(list); tag != "" && (len(tag)+len(rest) > len(list) || !strings.HasSuffix(tag, `"`)) {
			t.Errorf("%q: tag %q, rest %q", list, tag, rest)
		}
	})
}
