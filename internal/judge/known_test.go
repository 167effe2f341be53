package judge_test

import "strings"

// known are the differences that stand, by their reason. Each is listed as
// subject/case/protocol, and must go from here when it is gone.
var known = byCase(map[string]string{
	"HTTP/1.0 clients get HTTP/1.1 and chunks": `
		bodies/1.0/h1 bodies/1.0/h1tls bodies/1.0flushed/h1 bodies/1.0flushed/h1tls bodies/1.0keep/h1
		bodies/1.0keep/h1tls bodies/1.0keepbig/h1 bodies/1.0keepbig/h1tls bodies/1.0large/h1 bodies/1.0large/h1tls
		early/hints1.0/h1 early/hints1.0/h1tls trailers/1.0/h1 trailers/1.0/h1tls`,
	"framing and default fields of HTTP/1.1 are not as in net/http yet": `
		bodies/204body/h1 bodies/204body/h1tls bodies/304length/h1 bodies/304length/h1tls bodies/599/h1
		bodies/599/h1tls bodies/badlength/h1 bodies/badlength/h1tls bodies/chunks/h1 bodies/chunks/h1tls
		bodies/encoded/h1 bodies/encoded/h1tls bodies/expect/h1 bodies/expect/h1tls bodies/headlarge/h1
		bodies/headlarge/h1tls bodies/headlength/h1 bodies/headlength/h1tls bodies/hop/h1 bodies/hop/h1tls
		bodies/typeless/h1 bodies/typeless/h1tls`,
	"a request with a Connection field is malformed on HTTP/2 and is reset after the 400": `
		bodies/askclose/h2 bodies/askclose/h2c`,
	"the HTTP/3 engine differs from HTTP/2 in informational responses, HEAD and forbidden fields": `
		bodies/askclose/h3 bodies/close/h3 bodies/expect/h3 bodies/head/h3 bodies/headlarge/h3 bodies/hop/h3
		early/continue/h3 early/headhints/h3`,
	"http.ErrAbortHandler does not break the connection yet": `
		failures/abort/h1 failures/abort/h1tls failures/abortwritten/h1 failures/abortwritten/h1tls`,
	"a panic before anything is sent is answered with 500 and logged": `
		failures/panic/h1 failures/panic/h1tls failures/panic/h2 failures/panic/h2c failures/panic/h3
		failures/panichead/h1 failures/panichead/h1tls failures/panichead/h2 failures/panichead/h2c
		failures/panichead/h3 failures/panicnil/h1 failures/panicnil/h1tls failures/panicnil/h2
		failures/panicnil/h2c failures/panicnil/h3 failures/panicwritten/h1 failures/panicwritten/h1tls`,
	"the pattern, the server in the context and what has no body are not as in net/http yet": `
		inspect/chunked/h1 inspect/chunked/h1tls inspect/chunked/h2 inspect/chunked/h2c inspect/chunked/h3
		inspect/delete/h1 inspect/delete/h1tls inspect/delete/h2 inspect/delete/h2c inspect/delete/h3
		inspect/empty/h1 inspect/empty/h1tls inspect/empty/h2 inspect/empty/h2c inspect/empty/h3 inspect/encoded/h1
		inspect/encoded/h1tls inspect/encoded/h2 inspect/encoded/h2c inspect/encoded/h3 inspect/get/h1
		inspect/get/h1tls inspect/get/h2 inspect/get/h2c inspect/get/h3 inspect/head/h1 inspect/head/h1tls
		inspect/head/h2 inspect/head/h2c inspect/head/h3 inspect/headers/h1 inspect/headers/h1tls inspect/headers/h2
		inspect/headers/h2c inspect/headers/h3 inspect/options/h1 inspect/options/h1tls inspect/options/h2
		inspect/options/h2c inspect/options/h3 inspect/pathvar/h1 inspect/pathvar/h1tls inspect/pathvar/h2
		inspect/pathvar/h2c inspect/pathvar/h3 inspect/post/h1 inspect/post/h1tls inspect/post/h2 inspect/post/h2c
		inspect/post/h3 inspect/rest/h1 inspect/rest/h1tls inspect/rest/h2 inspect/rest/h2c inspect/rest/h3
		inspect/trailers/h1 inspect/trailers/h1tls inspect/trailers/h2 inspect/trailers/h2c inspect/trailers/h3`,
	"declared lengths do not hold yet": `
		lengths/1.0short/h1 lengths/1.0short/h1tls lengths/exact/h1 lengths/exact/h1tls lengths/exact/h3
		lengths/exactlarge/h3 lengths/head/h1 lengths/head/h1tls lengths/head/h3 lengths/headbody/h1
		lengths/headbody/h1tls lengths/headbody/h3 lengths/long/h1 lengths/long/h1tls lengths/long/h3
		lengths/longlarge/h1 lengths/longlarge/h1tls lengths/longlarge/h3 lengths/nothing/h1 lengths/nothing/h1tls
		lengths/nothing/h3 lengths/short/h1 lengths/short/h1tls lengths/short/h3 lengths/shortflush/h3
		lengths/shortlarge/h3`,
	"trailers are not as in net/http yet": `
		trailers/declared/h3 trailers/echo/h1 trailers/echo/h1tls trailers/echo/h3 trailers/empty/h1
		trailers/empty/h1tls trailers/empty/h3 trailers/flushed/h3 trailers/head/h1 trailers/head/h1tls
		trailers/head/h3 trailers/length/h3 trailers/prefixed/h1 trailers/prefixed/h1tls`,
})

func byCase(reasons map[string]string) map[string]string {
	all := map[string]string{}
	for why, cases := range reasons {
		for _, id := range strings.Fields(cases) {
			all[id] = why
		}
	}
	return all
}
