package judge_test

import "strings"

// known are the differences that stand, by their reason. Each is listed as
// subject/case/protocol, and must go from here when it is gone.
var known = byCase(map[string]string{
	"HTTP/1.0 clients get HTTP/1.1 and chunks": `
		bodies/1.0/h1 bodies/1.0/h1tls bodies/1.0flushed/h1 bodies/1.0flushed/h1tls bodies/1.0keep/h1
		bodies/1.0keep/h1tls bodies/1.0keepbig/h1 bodies/1.0keepbig/h1tls bodies/1.0large/h1 bodies/1.0large/h1tls
		early/hints1.0/h1 early/hints1.0/h1tls files/1.0/h1 files/1.0/h1tls trailers/1.0/h1 trailers/1.0/h1tls`,
	"framing and default fields of HTTP/1.1 are not as in net/http": `
		bodies/204body/h1 bodies/204body/h1tls bodies/304length/h1 bodies/304length/h1tls bodies/599/h1
		bodies/599/h1tls bodies/badlength/h1 bodies/badlength/h1tls bodies/chunks/h1 bodies/chunks/h1tls
		bodies/encoded/h1 bodies/encoded/h1tls bodies/expect/h1 bodies/expect/h1tls bodies/headlarge/h1
		bodies/headlarge/h1tls bodies/headlength/h1 bodies/headlength/h1tls bodies/hop/h1 bodies/hop/h1tls
		bodies/owndate/h1 bodies/owndate/h1tls bodies/typeless/h1 bodies/typeless/h1tls chi/method/h1
		chi/method/h1tls debug/goroutine/h1 debug/goroutine/h1tls debug/heap/h1 debug/heap/h1tls debug/index/h1
		debug/index/h1tls debug/vars/h1 debug/vars/h1tls gorillamux/gzip/h1 gorillamux/gzip/h1tls
		promhttp/openmetrics/h1 promhttp/openmetrics/h1tls promhttp/plain/h1 promhttp/plain/h1tls`,
	"a request with a Connection field is malformed on HTTP/2 and is reset after the 400": `
		bodies/askclose/h2 bodies/askclose/h2c`,
	"the HTTP/3 engine differs from HTTP/2 in informational responses, HEAD and forbidden fields": `
		bodies/askclose/h3 bodies/close/h3 bodies/expect/h3 bodies/head/h3 bodies/headlarge/h3 bodies/hop/h3
		chi/gzip/h3 chi/head/h3 chi/large/h3 early/continue/h3 early/headhints/h3 gorillamux/head/h3 proxy/expect/h3
		proxy/trailers/h3`,
	"a response that breaks off arrives as a complete one": `
		broken/badchunk/h1 broken/badchunk/h1tls broken/badchunk/h3 broken/chunk/h1 broken/chunk/h1tls
		broken/chunk/h3 broken/chunks/h1 broken/chunks/h1tls broken/chunks/h3 broken/large/h3 broken/length/h1
		broken/length/h1tls broken/length/h3 broken/post/h1 broken/post/h1tls broken/post/h3`,
	"a hijacked connection has not sent its 101 and has lost what was read ahead": `
		coderws/coder/h1 coderws/coder/h1tls coderws/early/h1 coderws/early/h1tls coderws/gorilla/h1
		coderws/gorilla/h1tls gorillaws/early/h1 gorillaws/early/h1tls hijack/flushed/h1 hijack/flushed/h1tls
		hijack/upgrade/h1 hijack/upgrade/h1tls hijack/withbody/h1 hijack/withbody/h1tls hijack/written/h1
		hijack/written/h1tls`,
	"deadlines and full duplex are not supported": `
		controller/past/h1 controller/past/h1tls controller/read/h1 controller/read/h1tls controller/supported/h1
		controller/supported/h1tls controller/supported/h3 controller/supportedpost/h1
		controller/supportedpost/h1tls controller/supportedpost/h3 controller/write/h1 controller/write/h1tls
		duplex/echo/h1 duplex/echo/h1tls duplex/large/h1 duplex/large/h1tls duplex/large/h3 duplex/largechunk/h1
		duplex/largechunk/h1tls duplex/largechunk/h3`,
	"http.ErrAbortHandler does not break the connection": `
		failures/abort/h1 failures/abort/h1tls failures/abortwritten/h1 failures/abortwritten/h1tls`,
	"a panic before anything is sent is answered with 500 and logged": `
		failures/panic/h1 failures/panic/h1tls failures/panic/h2 failures/panic/h2c failures/panic/h3
		failures/panichead/h1 failures/panichead/h1tls failures/panichead/h2 failures/panichead/h2c
		failures/panichead/h3 failures/panicnil/h1 failures/panicnil/h1tls failures/panicnil/h2
		failures/panicnil/h2c failures/panicnil/h3 failures/panicwritten/h1 failures/panicwritten/h1tls`,
	"the ResponseWriter is no CloseNotifier, ReaderFrom, StringWriter, Pusher": `
		gin/stream/h1 gin/stream/h1tls gin/stream/h2 gin/stream/h2c gin/stream/h3 wrappers/flushes/h1
		wrappers/flushes/h1tls wrappers/flushes/h2 wrappers/flushes/h2c wrappers/flushes/h3`,
	"the pattern, the server in the context and what has no body are not as in net/http": `
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
	"declared lengths do not hold": `
		lengths/1.0short/h1 lengths/1.0short/h1tls lengths/exact/h1 lengths/exact/h1tls lengths/exact/h3
		lengths/exactlarge/h3 lengths/head/h1 lengths/head/h1tls lengths/head/h3 lengths/headbody/h1
		lengths/headbody/h1tls lengths/headbody/h3 lengths/long/h1 lengths/long/h1tls lengths/long/h3
		lengths/longlarge/h1 lengths/longlarge/h1tls lengths/longlarge/h3 lengths/nothing/h1 lengths/nothing/h1tls
		lengths/nothing/h3 lengths/short/h1 lengths/short/h1tls lengths/short/h3 lengths/shortflush/h3
		lengths/shortlarge/h3`,
	"a request without a body looks chunked": `
		proxy/get/h1 proxy/get/h1tls proxy/head/h1 proxy/head/h1tls proxy/hop/h1 proxy/hop/h1tls stale/gets/h1
		stale/gets/h1tls`,
	"trailers are not as in net/http": `
		trailers/declared/h3 trailers/echo/h1 trailers/echo/h1tls trailers/echo/h3 trailers/empty/h1
		trailers/empty/h1tls trailers/empty/h3 trailers/flushed/h3 trailers/head/h1 trailers/head/h1tls
		trailers/head/h3 trailers/length/h3 trailers/prefixed/h1 trailers/prefixed/h1tls`,
	"net/http closes the connection by a method that only its own writer can have": `
		wrappers/beyond/h1 wrappers/beyond/h1tls wrappers/beyond/h3 wrappers/beyondchunk/h1
		wrappers/beyondchunk/h1tls wrappers/beyondchunk/h3`,
	"ends the process: a hijacked connection that is read after Close is one of the pool": `
		proxiedws/coder/h1 proxiedws/coder/h1tls proxiedws/early/h1 proxiedws/early/h1tls proxiedws/gorilla/h1
		proxiedws/gorilla/h1tls`,
	"ends the process: a body that is read after its handler has returned panics": `
		pipeline/stray/h1 pipeline/stray/h1tls`,
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
