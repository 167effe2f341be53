package judge_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// request is what a client sends. The zero Method is GET.
type request struct {
	Method string
	Path   string      // below the subject's prefix, with its query
	Header [][2]string // in this order
	Body   string
	// Length is the declared length where it is not that of Body: "chunked"
	// declares none, "none" sends no body and declares none.
	Length  string
	Trailer [][2]string
	// Proto of HTTP/1.x; default HTTP/1.1.
	Proto string
	// Expect holds the body back until the server has said 100-continue, or has
	// given its answer.
	Expect bool
}

func (r request) method() string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

func (r request) hasBody() bool { return r.Body != "" || r.Length == "chunked" || len(r.Trailer) > 0 }

// answer is what a client saw.
type answer struct {
	Informational []string
	Status        int
	Header        []string // without Date, sorted
	Body          string
	Trailer       []string
	// End is how the response ended, and what became of the connection.
	End string
}

// drawn is a boundary of parts, which is drawn at random.
var drawn = regexp.MustCompile(`[0-9a-f]{60}`)

// fields lists a header as sorted lines, without what differs by nature: the
// time, unless it is the one that a handler set.
func fields(h http.Header) []string {
	var lines []string
	for name, values := range h {
		if name == "Date" && len(values) == 1 && !strings.Contains(values[0], " 1970 ") {
			continue
		}
		for _, v := range values {
			lines = append(lines, name+": "+drawn.ReplaceAllString(v, "BOUNDARY"))
		}
	}
	slices.Sort(lines)
	return lines
}

func (a answer) lines() []string {
	lines := []string{}
	for _, i := range a.Informational {
		lines = append(lines, "informational "+i)
	}
	lines = append(lines, fmt.Sprintf("status %d", a.Status))
	for _, h := range a.Header {
		lines = append(lines, "header "+h)
	}
	switch body := a.Body; {
	case len(body) > 2000 && !strings.HasPrefix(a.End, "complete"):
		lines = append(lines, "body, a part") // how much arrives is a matter of buffers
	case len(body) > 2000:
		lines = append(lines, fmt.Sprintf("body of %d bytes, sha256 %x", len(body), sha256.Sum256([]byte(body))))
	case body != "":
		for _, l := range strings.Split(drawn.ReplaceAllString(body, "BOUNDARY"), "\n") {
			lines = append(lines, "body "+l)
		}
	}
	for _, h := range a.Trailer {
		lines = append(lines, "trailer "+h)
	}
	return append(lines, "end "+a.End)
}

var bodyLine = regexp.MustCompile(`^(ours|net/http): +body `)

// difference lists what only one of two transcripts has; empty when they agree.
// Where bodies differ, their lengths say nothing more.
func difference(ours, want []string) []string {
	var d []string
	left := slices.Clone(want)
	for _, l := range ours {
		if i := slices.Index(left, l); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			d = append(d, "ours:     "+l)
		}
	}
	for _, l := range left {
		d = append(d, "net/http: "+l)
	}
	if slices.ContainsFunc(d, func(l string) bool { return bodyLine.MatchString(l) }) {
		d = slices.DeleteFunc(d, func(l string) bool { return strings.Contains(l, " header Content-Length: ") })
	}
	if len(d) == 0 && !slices.Equal(ours, want) {
		d = append(d, "the same lines in another order", "ours:     "+strings.Join(ours, " | "), "net/http: "+strings.Join(want, " | "))
	}
	return d
}
