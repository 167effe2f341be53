package judge_test

import "strings"

// known are the differences that stand, by their reason. Each is listed as
// subject/case/protocol, and must go from here when it is gone.
var known = byCase(map[string]string{
	"a request with a Connection field is malformed on HTTP/2 and is reset after the 400": `
		bodies/askclose/h2 bodies/askclose/h2c`,
	"the client of HTTP/3 does not send the field that net/http refuses": `
		bodies/askclose/h3`,
	"on HTTP/3 the body is asked for whether or not the handler reads it": `
		bodies/expect/h3 early/continue/h3`,
	"HTTP/3 tells the length of a large body to HEAD, too": `
		bodies/headlarge/h3`,
	"a panic before anything is sent is answered with 500 and logged": `
		failures/panic/h1 failures/panic/h1tls failures/panic/h2 failures/panic/h2c failures/panic/h3
		failures/panichead/h1 failures/panichead/h1tls failures/panichead/h2 failures/panichead/h2c
		failures/panichead/h3 failures/panicnil/h1 failures/panicnil/h1tls failures/panicnil/h2 failures/panicnil/h2c
		failures/panicnil/h3`,
	"a request of HTTP/3 without a body has http.NoBody, as on HTTP/1.1": `
		inspect/delete/h3 inspect/encoded/h3 inspect/get/h3 inspect/head/h3 inspect/headers/h3 inspect/options/h3
		inspect/pathvar/h3 inspect/rest/h3`,
	"on HTTP/3 a field that is set after WriteHeader is sent, as long as the header has not been": `
		lengths/exact/h3 lengths/head/h3 lengths/headbody/h3 wrappers/beyond/h3 wrappers/beyondchunk/h3`,
	"a response that is shorter or longer than declared is reset, which HTTP/2 of net/http ends as a whole one": `
		lengths/long/h3 lengths/longlarge/h3 lengths/nothing/h3 lengths/short/h3 lengths/shortflush/h3
		lengths/shortlarge/h3`,
	"the engine of HTTP/3 does not announce trailers, and sends them for HEAD too": `
		proxy/trailers/h3 trailers/declared/h3 trailers/echo/h3 trailers/empty/h3 trailers/flushed/h3 trailers/head/h3
		trailers/length/h3`,
	"net/http closes the connection by a method that only its own writer can have": `
		wrappers/beyond/h1 wrappers/beyond/h1tls wrappers/beyondchunk/h1 wrappers/beyondchunk/h1tls`,
	"the ResponseWriter is no http.Pusher: browsers do without": `
		wrappers/flushes/h2 wrappers/flushes/h2c wrappers/flushes/h3`,
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
