package judge_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

func init() {
	subjects = append(subjects, inspected, bodies, lengths, failures, early, trailers)
}

// inspected answers with what the handler sees of its request.
var inspected = subject{
	name: "inspect",
	mount: func(m mounter, prefix string) {
		m.Mount(prefix+"/", http.HandlerFunc(inspect))
		m.Mount("GET "+prefix+"/item/{id}", http.HandlerFunc(inspect))
		m.Mount(prefix+"/rest/{rest...}", http.HandlerFunc(inspect))
	},
	asks: map[string]request{
		"get":      {Path: "/a/b?x=1&y=%20"},
		"head":     {Method: "HEAD", Path: "/"},
		"options":  {Method: "OPTIONS", Path: "/"},
		"delete":   {Method: "DELETE", Path: "/"},
		"pathvar":  {Path: "/item/7"},
		"rest":     {Path: "/rest/a/b%2Fc"},
		"post":     {Method: "POST", Path: "/", Body: "0123456789"},
		"empty":    {Method: "POST", Path: "/", Length: "0"},
		"chunked":  {Method: "POST", Path: "/", Body: "0123456789", Length: "chunked"},
		"headers":  {Path: "/", Header: [][2]string{{"X-Two", "1"}, {"X-Two", "2"}, {"Cookie", "a=b; c=d"}, {"Accept", "*/*"}}},
		"encoded":  {Path: "/a%20b%2Fc"},
		"trailers": {Method: "POST", Path: "/", Body: "body", Trailer: [][2]string{{"X-Sum", "7"}}},
		"slashes":  {Path: "//a//b"},
		"dots":     {Path: "/a/../b/./c"},
	},
}

func inspect(w http.ResponseWriter, r *http.Request) {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	fmt.Fprintf(w, "%s %s %s %v\n", r.Method, r.RequestURI, r.Proto, r.Proto == fmt.Sprintf("HTTP/%d.%d", r.ProtoMajor, r.ProtoMinor))
	fmt.Fprintf(w, "url %q %q %q host %q\n", r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Host)
	fmt.Fprintf(w, "pattern %q id %q rest %q\n", r.Pattern, r.PathValue("id"), r.PathValue("rest"))
	fmt.Fprintf(w, "length %d encoding %v nobody %v close %v\n", r.ContentLength, r.TransferEncoding, r.Body == http.NoBody, r.Close)
	fmt.Fprintf(w, "server %v local %v tls %v\n", server != nil, local, r.TLS != nil)
	if r.TLS != nil {
		fmt.Fprintf(w, "tls name %q complete %v\n", r.TLS.ServerName, r.TLS.HandshakeComplete)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	fmt.Fprintf(w, "remote %s %v\n", host, err)
	var announced []string
	for name := range r.Trailer {
		announced = append(announced, name)
	}
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "body %q %v\n", body, err)
	n, err := r.Body.Read(make([]byte, 1))
	fmt.Fprintf(w, "after %d %v, closed %v\n", n, err, r.Body.Close())
	fmt.Fprintf(w, "trailer %v %v\n", announced, fields(r.Trailer))
	r.Header.Del("User-Agent")      // the client of HTTP/3 sends its own
	r.Header.Del("Accept-Encoding") // likewise
	fmt.Fprintf(w, "header %q\n", fields(r.Header))
}

// bodies are responses of all sizes and statuses.
var bodies = subject{
	name: "bodies",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		for _, h := range q["header"] {
			name, value, _ := strings.Cut(h, ":")
			w.Header().Add(name, value)
		}
		if s := q.Get("status"); s != "" {
			var code int
			fmt.Sscan(s, &code)
			w.WriteHeader(code)
		}
		var size int
		fmt.Sscan(q.Get("size"), &size)
		for n := 0; n < size; {
			piece := min(size-n, 1000)
			io.WriteString(w, strings.Repeat("x", piece))
			n += piece
			if q.Get("flush") != "" {
				http.NewResponseController(w).Flush()
			}
		}
	})),
	asks: map[string]request{
		"none":        {Path: "/"},
		"small":       {Path: "/?size=10"},
		"buffered":    {Path: "/?size=2048"},
		"chunks":      {Path: "/?size=2049"},
		"large":       {Path: "/?size=300000"},
		"flushed":     {Path: "/?size=3000&flush=1"},
		"html":        {Path: "/?size=10&header=Content-Type:text/html"},
		"typeless":    {Path: "/?size=10&header=Content-Type:"},
		"date":        {Path: "/?size=1&header=X-Date:a&header=X-Date:b"},
		"owndate":     {Path: "/?size=1&header=Date:Thu,%2001%20Jan%201970%2000:00:00%20GMT"},
		"encoded":     {Path: "/?size=10&header=Content-Encoding:gzip"},
		"204":         {Path: "/?status=204"},
		"204body":     {Path: "/?status=204&size=5"},
		"304":         {Path: "/?status=304&header=Etag:%22a%22"},
		"304length":   {Path: "/?status=304&header=Content-Length:5"},
		"404":         {Path: "/?status=404&size=5"},
		"599":         {Path: "/?status=599&size=5"},
		"head":        {Method: "HEAD", Path: "/?size=10"},
		"headlarge":   {Method: "HEAD", Path: "/?size=300000"},
		"headlength":  {Method: "HEAD", Path: "/?header=Content-Length:77"},
		"close":       {Path: "/?size=10&header=Connection:close"},
		"askclose":    {Path: "/?size=10", Header: [][2]string{{"Connection", "close"}}},
		"1.0":         {Path: "/?size=10", Proto: "HTTP/1.0"},
		"1.0large":    {Path: "/?size=300000", Proto: "HTTP/1.0"},
		"1.0flushed":  {Path: "/?size=3000&flush=1", Proto: "HTTP/1.0"},
		"1.0keep":     {Path: "/?size=10", Proto: "HTTP/1.0", Header: [][2]string{{"Connection", "keep-alive"}}},
		"1.0keepbig":  {Path: "/?size=300000", Proto: "HTTP/1.0", Header: [][2]string{{"Connection", "keep-alive"}}},
		"unread":      {Method: "POST", Path: "/?size=10", Body: strings.Repeat("b", 20000)},
		"unreadchunk": {Method: "POST", Path: "/?size=10", Body: strings.Repeat("b", 20000), Length: "chunked"},
		"postflush":   {Method: "POST", Path: "/?size=3000&flush=1", Body: "body"},
		"expect":      {Method: "POST", Path: "/?size=10", Body: "body", Expect: true},
		"hop":         {Path: "/?size=10&header=Transfer-Encoding:chunked"},
		"badlength":   {Path: "/?size=10&header=Content-Length:abc"},
	},
}

// lengths are responses that do not keep what they declare.
var lengths = subject{
	name: "lengths",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", r.URL.Query().Get("say"))
		var write int
		fmt.Sscan(r.URL.Query().Get("write"), &write)
		n, err := io.WriteString(w, strings.Repeat("x", write))
		if r.URL.Query().Get("flush") != "" {
			err = errors.Join(err, http.NewResponseController(w).Flush())
		}
		w.Header().Set("X-Wrote", fmt.Sprint(n, err))
	})),
	asks: map[string]request{
		"exact":      {Path: "/?say=10&write=10"},
		"exactlarge": {Path: "/?say=300000&write=300000"},
		"short":      {Path: "/?say=100&write=5"},
		"shortflush": {Path: "/?say=100&write=5&flush=1"},
		"shortlarge": {Path: "/?say=300000&write=200000"},
		"nothing":    {Path: "/?say=100&write=0"},
		"long":       {Path: "/?say=3&write=6"},
		"longlarge":  {Path: "/?say=100000&write=200000"},
		"head":       {Method: "HEAD", Path: "/?say=100&write=0"},
		"headbody":   {Method: "HEAD", Path: "/?say=100&write=100"},
		"1.0short":   {Path: "/?say=100&write=5", Proto: "HTTP/1.0"},
	},
}

// failures are handlers that end badly.
var failures = subject{
	name: "failures",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("write") != "" {
			io.WriteString(w, q.Get("write"))
		}
		if q.Get("flush") != "" {
			http.NewResponseController(w).Flush()
		}
		if q.Get("large") != "" {
			io.WriteString(w, strings.Repeat("x", 200000))
		}
		switch q.Get("how") {
		case "abort":
			panic(http.ErrAbortHandler)
		case "panic":
			panic("a fault")
		case "nil":
			panic(nil)
		}
	})),
	asks: map[string]request{
		"abort":        {Path: "/?how=abort"},
		"abortwritten": {Path: "/?how=abort&write=abc"},
		"abortflushed": {Path: "/?how=abort&write=abc&flush=1"},
		"panic":        {Path: "/?how=panic"},
		"panicwritten": {Path: "/?how=panic&write=abc"},
		"panicflushed": {Path: "/?how=panic&write=abc&flush=1"},
		"paniclarge":   {Path: "/?how=abort&large=1"},
		"panichead":    {Method: "HEAD", Path: "/?how=panic"},
		"panicnil":     {Path: "/?how=nil"},
	},
}

// early are informational responses.
var early = subject{
	name: "early",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hints":
			w.Header().Add("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Add("Link", "</b.js>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("X-Final", "yes")
		case "/processing":
			w.WriteHeader(http.StatusProcessing)
		case "/continue":
			w.WriteHeader(http.StatusContinue)
			io.Copy(w, r.Body)
		case "/read":
			io.Copy(w, r.Body)
		case "/slow":
			w.WriteHeader(http.StatusEarlyHints)
			time.Sleep(20 * time.Millisecond)
		}
		fmt.Fprint(w, "final")
	})),
	asks: map[string]request{
		"hints":      {Path: "/hints"},
		"hints1.0":   {Path: "/hints", Proto: "HTTP/1.0"},
		"headhints":  {Method: "HEAD", Path: "/hints"},
		"processing": {Path: "/processing"},
		"slow":       {Path: "/slow"},
		"continue":   {Method: "POST", Path: "/continue", Body: "body", Expect: true},
		"read":       {Method: "POST", Path: "/read", Body: "body", Expect: true},
		"readchunks": {Method: "POST", Path: "/read", Body: "body", Length: "chunked", Expect: true},
		"noexpect":   {Method: "POST", Path: "/continue", Body: "body"},
	},
}

// trailers go both ways.
var trailers = subject{
	name: "trailers",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/declared":
			w.Header().Set("Trailer", "X-Sum, X-Never")
			fmt.Fprint(w, "body")
			w.Header().Set("X-Sum", "7")
		case "/prefixed":
			fmt.Fprint(w, "body")
			w.Header().Set(http.TrailerPrefix+"X-Late", "8")
		case "/flushed":
			w.Header().Set("Trailer", "X-Sum")
			fmt.Fprint(w, "body")
			w.(http.Flusher).Flush()
			w.Header().Set("X-Sum", "7")
			w.Header().Set(http.TrailerPrefix+"X-Late", "8")
			w.Header().Set("X-Too-Late", "9")
		case "/empty":
			w.Header().Set("Trailer", "X-Sum")
			w.WriteHeader(200)
			w.Header().Set("X-Sum", "7")
		case "/length":
			w.Header().Set("Trailer", "X-Sum")
			w.Header().Set("Content-Length", "4")
			fmt.Fprint(w, "body")
			w.Header().Set("X-Sum", "7")
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("Trailer", "X-Sum")
			w.Write(body)
			w.Header().Set("X-Sum", r.Trailer.Get("X-Sum"))
		}
	})),
	asks: map[string]request{
		"declared": {Path: "/declared"},
		"prefixed": {Path: "/prefixed"},
		"flushed":  {Path: "/flushed"},
		"empty":    {Path: "/empty"},
		"length":   {Path: "/length"},
		"head":     {Method: "HEAD", Path: "/declared"},
		"1.0":      {Path: "/declared", Proto: "HTTP/1.0"},
		"echo":     {Method: "POST", Path: "/echo", Body: "body", Trailer: [][2]string{{"X-Sum", "7"}}},
	},
}
