package judge_test

import (
	"compress/gzip"
	"embed"
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	gorillamux "github.com/gorilla/mux"
	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

//go:embed doc.go
var embedded embed.FS

func init() {
	subjects = append(subjects, chis, gins, echos, gorillas, files, wrappers, events, debugging, metrics, forms)
}

// usual are requests that every framework answers.
func usual() map[string]request {
	return map[string]request{
		"hello":    {Path: "/hello/world?x=1"},
		"head":     {Method: "HEAD", Path: "/hello/world"},
		"missing":  {Path: "/missing"},
		"method":   {Method: "DELETE", Path: "/hello/world"},
		"json":     {Method: "POST", Path: "/json", Body: `{"name":"a"}`, Header: [][2]string{{"Content-Type", "application/json"}}},
		"badjson":  {Method: "POST", Path: "/json", Body: `{"name":`, Header: [][2]string{{"Content-Type", "application/json"}}},
		"panic":    {Path: "/panic"},
		"stream":   {Path: "/stream"},
		"gzip":     {Path: "/large", Header: [][2]string{{"Accept-Encoding", "gzip"}}},
		"large":    {Path: "/large"},
		"redirect": {Path: "/redirect"},
		"cookie":   {Path: "/cookie", Header: [][2]string{{"Cookie", "a=b"}}},
	}
}

type named struct {
	Name string `json:"name"`
}

func stream(w http.ResponseWriter) {
	for i := range 3 {
		fmt.Fprintf(w, "part %d\n", i)
		http.NewResponseController(w).Flush()
	}
}

var large = strings.Repeat("0123456789", 10000)

var chis = subject{name: "chi", asks: usual(), mount: on(func() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, middleware.Compress(5), middleware.GetHead)
	r.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s %s", chi.URLParam(r, "name"), r.URL.Query().Get("x"))
	})
	r.Post("/json", func(w http.ResponseWriter, r *http.Request) {
		var v named
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(v)
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("a fault") })
	r.Get("/stream", func(w http.ResponseWriter, _ *http.Request) { stream(w) })
	r.Get("/large", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, large) })
	r.Get("/redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "hello/you", http.StatusFound) })
	r.Get("/cookie", func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("a")
		http.SetCookie(w, &http.Cookie{Name: "one", Value: c.Value})
		http.SetCookie(w, &http.Cookie{Name: "two", Value: "2", HttpOnly: true})
	})
	return r
}())}

var gins = subject{name: "gin", asks: usual(), mount: on(func() http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.Use(gin.RecoveryWithWriter(io.Discard))
	hello := func(c *gin.Context) { c.String(200, "hello %s %s", c.Param("name"), c.Query("x")) }
	r.GET("/hello/:name", hello)
	r.HEAD("/hello/:name", hello)
	r.POST("/json", func(c *gin.Context) {
		var v named
		if err := c.BindJSON(&v); err == nil {
			c.JSON(200, v)
		}
	})
	r.GET("/panic", func(*gin.Context) { panic("a fault") })
	r.GET("/stream", func(c *gin.Context) {
		i := 0
		c.Stream(func(w io.Writer) bool { c.SSEvent("tick", i); i++; return i < 3 })
	})
	r.GET("/large", func(c *gin.Context) { c.String(200, large) })
	r.GET("/redirect", func(c *gin.Context) { c.Redirect(http.StatusFound, "hello/you") })
	r.GET("/cookie", func(c *gin.Context) {
		v, _ := c.Cookie("a")
		c.SetCookie("one", v, 0, "/", "", false, true)
		c.SetCookie("two", "2", 10, "/", "", true, true)
		c.Status(http.StatusNoContent)
	})
	return r
}())}

var echos = subject{name: "echo", asks: usual(), mount: on(func() http.Handler {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	e.Use(echomiddleware.Recover(), echomiddleware.Gzip())
	hello := func(c echo.Context) error { return c.String(200, "hello "+c.Param("name")+" "+c.QueryParam("x")) }
	e.GET("/hello/:name", hello)
	e.HEAD("/hello/:name", hello)
	e.POST("/json", func(c echo.Context) error {
		var v named
		if err := c.Bind(&v); err != nil {
			return err
		}
		return c.JSON(200, v)
	})
	e.GET("/panic", func(echo.Context) error { panic("a fault") })
	e.GET("/stream", func(c echo.Context) error { stream(c.Response()); return nil })
	e.GET("/large", func(c echo.Context) error { return c.String(200, large) })
	e.GET("/redirect", func(c echo.Context) error { return c.Redirect(http.StatusFound, "hello/you") })
	e.GET("/cookie", func(c echo.Context) error {
		v, err := c.Cookie("a")
		if err != nil {
			return err
		}
		c.SetCookie(&http.Cookie{Name: "one", Value: v.Value})
		return c.NoContent(http.StatusResetContent)
	})
	return e
}())}

var gorillas = subject{name: "gorillamux", asks: usual(), mount: on(func() http.Handler {
	r := gorillamux.NewRouter()
	r.HandleFunc("/hello/{name:[a-z]+}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s %s", gorillamux.Vars(r)["name"], r.URL.Query().Get("x"))
	}).Methods("GET", "HEAD")
	r.HandleFunc("/json", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }).Methods("POST").Headers("Content-Type", "application/json")
	r.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) { stream(w) })
	r.HandleFunc("/large", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		io.WriteString(zip, large)
		zip.Close()
	}).Headers("Accept-Encoding", "gzip")
	r.Handle("/redirect", http.RedirectHandler("/else?where=1", http.StatusMovedPermanently))
	r.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Cookies()) })
	return r
}())}

// files are what net/http serves of files.
var files = subject{
	name: "files",
	mount: func(m mounter, prefix string) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		tree := fstest.MapFS{
			"index.html":      {Data: []byte("<html>index</html>"), ModTime: at},
			"a.txt":           {Data: []byte("0123456789"), ModTime: at},
			"big.bin":         {Data: []byte(large), ModTime: at},
			"sub/page.html":   {Data: []byte("<p>page"), ModTime: at},
			"sub/sp ace?.txt": {Data: []byte("odd"), ModTime: at},
		}
		m.Mount(prefix+"/", http.StripPrefix(prefix, http.FileServerFS(tree)))
		m.Mount(prefix+"/dir/", http.StripPrefix(prefix+"/dir", http.FileServer(http.Dir("."))))
		m.Mount(prefix+"/embed/", http.StripPrefix(prefix+"/embed", http.FileServerFS(embedded)))
		m.Mount(prefix+"/content", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", `"v1"`)
			http.ServeContent(w, r, "c.json", at, strings.NewReader(large))
		}))
		m.Mount(prefix+"/one", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "go.mod") }))
	},
	asks: map[string]request{
		"index":        {Path: "/"},
		"noslash":      {Path: ""},
		"toindex":      {Path: "/index.html?a=b"},
		"file":         {Path: "/a.txt"},
		"fileslash":    {Path: "/a.txt/"},
		"head":         {Method: "HEAD", Path: "/a.txt"},
		"list":         {Path: "/sub/"},
		"dirnoslash":   {Path: "/sub?x=1"},
		"odd":          {Path: "/sub/sp%20ace%3F.txt"},
		"missing":      {Path: "/nothing"},
		"big":          {Path: "/big.bin"},
		"range":        {Path: "/a.txt", Header: [][2]string{{"Range", "bytes=2-4"}}},
		"suffix":       {Path: "/big.bin", Header: [][2]string{{"Range", "bytes=-5"}}},
		"ranges":       {Path: "/a.txt", Header: [][2]string{{"Range", "bytes=0-1,4-5"}}},
		"unsatisfied":  {Path: "/a.txt", Header: [][2]string{{"Range", "bytes=50-"}}},
		"rangeunit":    {Path: "/a.txt", Header: [][2]string{{"Range", "lines=0-1"}}},
		"since":        {Path: "/a.txt", Header: [][2]string{{"If-Modified-Since", "Fri, 02 Jan 2026 03:04:05 GMT"}}},
		"unmodified":   {Path: "/a.txt", Header: [][2]string{{"If-Unmodified-Since", "Thu, 01 Jan 2026 03:04:05 GMT"}}},
		"nonematch":    {Path: "/content", Header: [][2]string{{"If-None-Match", `"v1"`}}},
		"match":        {Path: "/content", Header: [][2]string{{"If-Match", `"v2"`}}},
		"ifrange":      {Path: "/content", Header: [][2]string{{"If-Range", `"v1"`}, {"Range", "bytes=10-19"}}},
		"ifrangestale": {Path: "/content", Header: [][2]string{{"If-Range", `"v0"`}, {"Range", "bytes=10-19"}}},
		"disk":         {Path: "/dir/go.mod"},
		"diskrange":    {Path: "/dir/go.sum", Header: [][2]string{{"Range", "bytes=1000-9000"}}},
		"diskhead":     {Method: "HEAD", Path: "/dir/go.sum"},
		"embed":        {Path: "/embed/doc.go"},
		"one":          {Path: "/one"},
		"post":         {Method: "POST", Path: "/a.txt", Body: "x"},
		"1.0":          {Path: "/dir/go.mod", Proto: "HTTP/1.0"},
	},
}

// wrappers are the handlers of net/http that wrap others.
var wrappers = subject{
	name: "wrappers",
	mount: func(m mounter, prefix string) {
		fast := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Inner", "yes")
			n, err := io.Copy(w, r.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
				return
			}
			fmt.Fprintf(w, " %d", n)
		})
		slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "never seen")
			<-r.Context().Done()
			time.Sleep(100 * time.Millisecond) // whoever returns first would be drawn at random
		})
		flushes := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, flusher := w.(http.Flusher)
			_, hijacker := w.(http.Hijacker)
			_, pusher := w.(http.Pusher)
			_, from := w.(io.ReaderFrom)
			_, text := w.(io.StringWriter)
			fmt.Fprint(w, flusher, hijacker, pusher, from, text)
		})
		m.Mount(prefix+"/fast", http.TimeoutHandler(fast, time.Minute, "too late"))
		m.Mount(prefix+"/slow", http.TimeoutHandler(slow, 20*time.Millisecond, "too late"))
		m.Mount(prefix+"/limited", http.MaxBytesHandler(fast, 10))
		m.Mount(prefix+"/flushes", flushes)
		m.Mount(prefix+"/strip/", http.StripPrefix(prefix+"/strip", http.NotFoundHandler()))
		m.Mount(prefix+"/query", http.AllowQuerySemicolons(fast))
		m.Mount(prefix+"/origin", http.NewCrossOriginProtection().Handler(fast))
	},
	asks: map[string]request{
		"fast":        {Method: "POST", Path: "/fast", Body: "abc"},
		"slow":        {Path: "/slow"},
		"within":      {Method: "POST", Path: "/limited", Body: "0123456789"},
		"beyond":      {Method: "POST", Path: "/limited", Body: "0123456789a"},
		"beyondchunk": {Method: "POST", Path: "/limited", Body: "0123456789a", Length: "chunked"},
		"flushes":     {Path: "/flushes"},
		"strip":       {Path: "/strip/x"},
		"query":       {Path: "/query?a=1;b=2"},
		"origin":      {Method: "POST", Path: "/origin", Header: [][2]string{{"Sec-Fetch-Site", "cross-site"}}},
	},
}

// events is a stream of server-sent events, each of which must arrive before the
// next is sent.
var events = subject{
	name: "sse",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-cache")
		flush := http.NewResponseController(w).Flush
		for i := range 3 {
			fmt.Fprintf(w, "id: %d\ndata: tick\n\n", i)
			if err := flush(); err != nil {
				saw.tell(r, "flush: %v", err)
			}
			select {
			case <-saw.of("go-" + r.URL.Query().Get("id")):
			case <-r.Context().Done():
				return
			}
		}
	})),
	talks: map[string]func(*testing.T, target) []string{"ticks": func(t *testing.T, to target) []string {
		id := unique(t, to)
		resp, err := to.client(t).Get(to.url("/sse/?id=" + id))
		if err != nil {
			return []string{err.Error()}
		}
		defer resp.Body.Close()
		lines := fields(resp.Header)
		for range 3 {
			event := make([]byte, len("id: 0\ndata: tick\n\n"))
			_, err := io.ReadFull(resp.Body, event)
			lines = append(lines, fmt.Sprintf("%q %v", event, err))
			saw.of("go-" + id) <- "on"
		}
		rest, err := io.ReadAll(resp.Body)
		return append(lines, fmt.Sprintf("rest %q %v", rest, err))
	}},
}

// debugging are pprof and expvar, whose content differs from call to call.
var debugging = subject{
	name: "debug",
	mount: func(m mounter, prefix string) {
		m.Mount(prefix+"/pprof/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r2 := r.Clone(r.Context())
			r2.URL.Path = "/debug/pprof/" + strings.TrimPrefix(r.URL.Path, prefix+"/pprof/")
			pprof.Index(w, r2)
		}))
		m.Mount(prefix+"/cmdline", http.HandlerFunc(pprof.Cmdline))
		m.Mount(prefix+"/vars", expvar.Handler())
	},
	asks: map[string]request{
		"cmdline":  {Path: "/cmdline"},
		"notfound": {Path: "/pprof/nothing"},
	},
	talks: map[string]func(*testing.T, target) []string{
		"index":     bodyless("/debug/pprof/"),
		"goroutine": bodyless("/debug/pprof/goroutine?debug=1"),
		"heap":      bodyless("/debug/pprof/heap"),
		"vars":      bodyless("/debug/vars"),
	},
}

// bodyless compares all but the body and its length.
func bodyless(path string) func(*testing.T, target) []string {
	return func(t *testing.T, to target) []string {
		a := exchange(t, to, request{}, path)
		a.Body = ""
		a.Header = slices.DeleteFunc(a.Header, func(h string) bool { return strings.HasPrefix(h, "Content-Length: ") })
		return a.lines()
	}
}

var metrics = subject{
	name: "promhttp",
	mount: on(func() http.Handler {
		registry := prometheus.NewRegistry()
		count := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "things_total", Help: "Things."}, []string{"kind"})
		registry.MustRegister(count)
		for i := range 200 {
			count.WithLabelValues(fmt.Sprint("kind-", i)).Add(float64(i))
		}
		return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	}()),
	asks: map[string]request{
		"plain":       {Path: "/"},
		"gzip":        {Path: "/", Header: [][2]string{{"Accept-Encoding", "gzip"}}},
		"openmetrics": {Path: "/", Header: [][2]string{{"Accept", "application/openmetrics-text; version=1.0.0"}}},
	},
}

// forms are urlencoded and multipart uploads.
var forms = subject{
	name: "forms",
	mount: on(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 10); err != nil && err != http.ErrNotMultipart {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%v\n", r.PostForm)
		if r.MultipartForm == nil {
			return
		}
		defer r.MultipartForm.RemoveAll()
		for name, parts := range r.MultipartForm.File {
			for _, part := range parts {
				f, err := part.Open()
				if err != nil {
					fmt.Fprintln(w, err)
					continue
				}
				content, err := io.ReadAll(f)
				fmt.Fprintln(w, name, part.Filename, part.Size, len(content), err, part.Header)
				f.Close()
			}
		}
	})),
	asks: map[string]request{
		"urlencoded": {Method: "POST", Path: "/?b=2", Body: "a=1&b=%20x", Header: [][2]string{{"Content-Type", "application/x-www-form-urlencoded"}}},
		"multipart":  {Method: "POST", Path: "/", Body: multipartBody(30), Header: [][2]string{{"Content-Type", "multipart/form-data; boundary=frontier"}}},
		"spilled":    {Method: "POST", Path: "/", Body: multipartBody(30000), Header: [][2]string{{"Content-Type", "multipart/form-data; boundary=frontier"}}},
		"chunked":    {Method: "POST", Path: "/", Body: multipartBody(30000), Length: "chunked", Header: [][2]string{{"Content-Type", "multipart/form-data; boundary=frontier"}}},
		"broken":     {Method: "POST", Path: "/", Body: multipartBody(30)[:60], Header: [][2]string{{"Content-Type", "multipart/form-data; boundary=frontier"}}},
	},
}

func multipartBody(size int) string {
	return "--frontier\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n" +
		"--frontier\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n" +
		strings.Repeat("x", size) + "\r\n--frontier--\r\n"
}
