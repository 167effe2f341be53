package judge_test

import "strings"

// known are the differences that stand, by their reason. Each is listed as
// subject/case/protocol, and must go from here when it is gone.
var known = byCase(map[string]string{
	"a request with a Connection field is malformed on HTTP/2 and is reset after the 400": `
		bodies/askclose/h2 bodies/askclose/h2c`,
	"the HTTP/3 engine differs from HTTP/2 in informational responses, HEAD and forbidden fields": `
		bodies/askclose/h3 bodies/close/h3 bodies/expect/h3 bodies/head/h3 bodies/headlarge/h3 bodies/hop/h3
		chi/gzip/h3 chi/head/h3 chi/large/h3 early/continue/h3 early/headhints/h3 gorillamux/head/h3 proxy/expect/h3
		proxy/trailers/h3`,
	"net/http's ReverseProxy loses what a client has sent before the 101": `
		proxiedws/early/h1 proxiedws/early/h1tls`,
	"deadlines and full duplex are not supported": `
		controller/supported/h3 controller/supportedpost/h3 duplex/large/h3 duplex/largechunk/h3`,
	"a panic before anything is sent is answered with 500 and logged": `
		failures/panic/h1 failures/panic/h1tls failures/panic/h2 failures/panic/h2c failures/panic/h3
		failures/panichead/h1 failures/panichead/h1tls failures/panichead/h2 failures/panichead/h2c
		failures/panichead/h3 failures/panicnil/h1 failures/panicnil/h1tls failures/panicnil/h2 failures/panicnil/h2c
		failures/panicnil/h3`,
	"the ResponseWriter is no CloseNotifier, ReaderFrom, StringWriter, Pusher": `
		wrappers/flushes/h2 wrappers/flushes/h2c wrappers/flushes/h3`,
	"the pattern, the server in the context and what has no body are not as in net/http": `
		inspect/delete/h3 inspect/encoded/h3 inspect/get/h3 inspect/head/h3 inspect/headers/h3 inspect/options/h3
		inspect/pathvar/h3 inspect/rest/h3`,
	"declared lengths do not hold": `
		lengths/exact/h3 lengths/exactlarge/h3 lengths/head/h3 lengths/headbody/h3 lengths/long/h3
		lengths/longlarge/h3 lengths/nothing/h3 lengths/short/h3 lengths/shortflush/h3 lengths/shortlarge/h3`,
	"trailers are not as in net/http": `
		trailers/declared/h3 trailers/echo/h3 trailers/empty/h3 trailers/flushed/h3 trailers/head/h3
		trailers/length/h3`,
	"net/http closes the connection by a method that only its own writer can have": `
		wrappers/beyond/h1 wrappers/beyond/h1tls wrappers/beyond/h3 wrappers/beyondchunk/h1 wrappers/beyondchunk/h1tls
		wrappers/beyondchunk/h3`,
})

// fatal begins the reason of a case that would end the whole run.
const fatal = "ends the process: "

func byCase(reasons map[string]string) map[string]string {
	all := map[string]string{}
	for why, cases := range reasons {
		for _, id := range strings.Fields(cases) {
			all[id] = why
		}
	}
	return all
}
