package control

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

// readOnlyHeader on a request gives up the right to change anything with it.
const readOnlyHeader = "Rockstar-Read-Only"

// HandlerOptions of a [Handler]. The zero value is ready to use.
type HandlerOptions struct {
	// Version of the program, for GET /v1/version.
	Version string
	// Role tells what a peer may do: [RoleAdmin], [RoleViewer], or empty for
	// nothing at all. Default [DefaultRole].
	Role func(socket.Peer) string
	// Log gets what went wrong in the handler itself. Default slog.Default().
	Log *slog.Logger
}

// Version is what a runtime says of itself.
type Version struct {
	// Version of the program.
	Version string `json:"version"`
	// APIMin and APIMax bound the versions of the API it serves, the N of /vN/.
	APIMin int `json:"api_min"`
	APIMax int `json:"api_max"`
}

// Handler serves ctl as HTTP and JSON, to be reached by [Client] or curl:
//
//	GET  /v1/version
//	GET  /v1/snapshot
//	GET  /v1/watch?interval=1s&history=60&look=  a snapshot per line, until one side ends it
//	GET  /v1/connections?listener=&worker=&state=&limit=&offset=
//	GET  /v1/history?number=&limit=&config=true   generations, newest first
//	GET  /v1/read?kind=events&listener=&after=&limit=&follow=true   a [Record] per line
//	POST /v1/plan     a [Change]
//	POST /v1/apply    a [Change]
//	POST /v1/act      an [Action]
//
// A change is made on a generation by its base or by If-Match: "7". Errors are
// {"error": …} of an [Error], with a fitting status.
func Handler(ctl Controller, opts HandlerOptions) http.Handler {
	if opts.Role == nil {
		opts.Role = DefaultRole
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	return &handler{ctl, opts}
}

type handler struct {
	ctl  Controller
	opts HandlerOptions
}

// route is one thing that can be asked for.
type route struct {
	method string
	// writes marks what a viewer must not do.
	writes bool
	serve  func(h *handler, w *answer, r *request) error
}

var routes = map[string]route{
	"/v1/version":     {http.MethodGet, false, (*handler).version},
	"/v1/snapshot":    {http.MethodGet, false, (*handler).snapshot},
	"/v1/watch":       {http.MethodGet, false, (*handler).watch},
	"/v1/connections": {http.MethodGet, false, (*handler).connections},
	"/v1/history":     {http.MethodGet, false, (*handler).history},
	"/v1/read":        {http.MethodGet, false, (*handler).read},
	"/v1/plan":        {http.MethodPost, false, (*handler).plan},
	"/v1/apply":       {http.MethodPost, true, (*handler).apply},
	"/v1/act":         {http.MethodPost, true, (*handler).act},
}

// request is an HTTP request and who sent it.
type request struct {
	*http.Request
	peer socket.Peer
	role string
}

// answer is a response that knows whether it has begun.
type answer struct {
	http.ResponseWriter
	begun bool
}

func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// ServeHTTP answers one request. A panic below it costs that request only.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{ResponseWriter: w}
	if err := h.guarded(a, r); err != nil {
		h.fail(a, err)
	}
}

func (h *handler) guarded(a *answer, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = h.caught(v, r)
		}
	}()
	return h.serve(a, r)
}

func (h *handler) serve(a *answer, r *http.Request) error {
	if fromBrowser(r) {
		return Fail(CodeDenied, message.BrowserRefused)
	}
	rt, known := routes[r.URL.Path]
	if !known {
		return Fail(CodeNotFound, message.NoSuchPath, printable.Limit(r.URL.Path, 200), strings.Join(slices.Sorted(maps.Keys(routes)), ", "))
	}
	if r.Method != rt.method {
		a.Header().Set("Allow", rt.method)
		return &statusError{http.StatusMethodNotAllowed, invalid("", message.MethodNotAllowed, rt.method, r.URL.Path)}
	}
	req := h.identify(r)
	if req.role != RoleAdmin && (req.role != RoleViewer || rt.writes) {
		return denied(req)
	}
	return rt.serve(h, a, req)
}

// fromBrowser reports whether a web page is behind the request. A browser
// cannot open a unix socket, but a proxy that someone put before it could let
// every page on the web give orders.
func fromBrowser(r *http.Request) bool {
	for name := range r.Header {
		if name == "Origin" || strings.HasPrefix(name, "Sec-Fetch-") {
			return true
		}
	}
	return false
}

func (h *handler) identify(r *http.Request) *request {
	req := &request{Request: r, peer: peerFrom(r.Context())}
	req.role = h.opts.Role(req.peer)
	if req.role == RoleAdmin && len(r.Header.Values(readOnlyHeader)) > 0 {
		req.role = RoleViewer
	}
	return req
}

func denied(r *request) *Error {
	if r.role == RoleViewer {
		return Fail(CodeDenied, message.ViewerMayNot)
	}
	return Fail(CodeDenied, message.AnotherUsersRuntime, cmp.Or(sign(r.peer, ""), "(unknown)"))
}

// caught logs a panic and returns what to answer.
func (h *handler) caught(v any, r *http.Request) *Error {
	h.opts.Log.Error("control: panic", "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	return Fail(CodeInternal, message.ControlPanic)
}

// fail answers with an error. If the answer has begun, breaking it off is all
// that can be done.
func (h *handler) fail(a *answer, err error) {
	if a.begun {
		panic(http.ErrAbortHandler)
	}
	status := statusOf(err)
	if err := a.json(status, errorBody{AsError(err).cleaned()}); err != nil {
		h.opts.Log.Debug("control: the client did not take an answer", "error", err)
	}
}

// json answers with v.
func (a *answer) json(status int, v any) error {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return err
	}
	a.Header().Set("Content-Type", "application/json")
	a.Header().Set("Cache-Control", "no-store")
	a.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	a.WriteHeader(status)
	_, err := a.Write(b.Bytes())
	return err
}

// tag lets a client send the generation back in If-Match.
func (a *answer) tag(generation uint64) {
	a.Header().Set("ETag", strconv.Quote(strconv.FormatUint(generation, 10)))
}

func (h *handler) version(a *answer, _ *request) error {
	return a.json(http.StatusOK, Version{Version: h.opts.Version, APIMin: 1, APIMax: 1})
}

func (h *handler) snapshot(a *answer, r *request) error {
	s, err := h.ctl.Snapshot(r.Context())
	if err != nil {
		return err
	}
	a.tag(s.Generation)
	return a.json(http.StatusOK, r.view(s))
}

// view returns the snapshot as the peer is to see it. It copies the top only:
// what is below is shared with others who look.
func (r *request) view(s *Snapshot) *Snapshot {
	v := *s
	v.Role = r.role
	v.Listeners = orEmpty(v.Listeners)
	v.Pools = orEmpty(v.Pools)
	v.Events = orEmpty(v.Events)
	return &v
}

// orEmpty makes an absent list [] in JSON, not null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func (h *handler) connections(a *answer, r *request) error {
	q, err := queryOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	p, err := h.ctl.Connections(r.Context(), q)
	if err != nil {
		return err
	}
	return a.json(http.StatusOK, Page{Connections: orEmpty(p.Connections), Total: p.Total})
}

// historyBody is a history on the wire.
type historyBody struct {
	Generations []Generation `json:"generations"`
}

func (h *handler) history(a *answer, r *request) error {
	q, err := historyQueryOf(r.URL.RawQuery)
	if err != nil {
		return err
	}
	all, err := h.ctl.History(r.Context(), q)
	if err != nil {
		return err
	}
	return a.json(http.StatusOK, historyBody{orEmpty(all)})
}

func (h *handler) plan(a *answer, r *request) error {
	c, err := changeOf(a, r)
	if err != nil {
		return err
	}
	p, err := h.ctl.Plan(r.Context(), c)
	if err != nil {
		return unmatched(r, err)
	}
	v := *p
	v.Changes, v.Listeners = orEmpty(v.Changes), orEmpty(v.Listeners)
	a.tag(p.Generation)
	return a.json(http.StatusOK, v)
}

func (h *handler) apply(a *answer, r *request) error {
	c, err := changeOf(a, r)
	if err != nil {
		return err
	}
	res, err := h.ctl.Apply(r.Context(), c)
	if err != nil {
		return unmatched(r, err)
	}
	a.tag(res.Generation)
	return a.json(http.StatusOK, res)
}

func (h *handler) act(a *answer, r *request) error {
	action, err := actionOf(a, r)
	if err != nil {
		return err
	}
	res, err := h.ctl.Act(r.Context(), action)
	if err != nil {
		return err
	}
	a.tag(res.Generation)
	return a.json(http.StatusOK, res)
}
