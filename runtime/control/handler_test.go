package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

func as(role string) control.HandlerOptions {
	return control.HandlerOptions{Version: "v1.2.3", Role: func(socket.Peer) string { return role }}
}

// ask sends one request and returns status and body.
func ask(h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(context.Background())
	if strings.HasPrefix(target, "/v1/watch") {
		cancel() // one is enough to see whether it is allowed
	}
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func codeOf(w *httptest.ResponseRecorder) string {
	var body struct{ Error control.Error }
	if json.Unmarshal(w.Body.Bytes(), &body) != nil {
		return "no JSON: " + w.Body.String()
	}
	return body.Error.Code
}

func wantAnswer(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	if w.Code != status || codeOf(w) != code {
		t.Errorf("%s: answered %d %q, want %d %q (%s)", what, w.Code, codeOf(w), status, code, w.Body)
	}
}

func busy() *controltest.Fake { return controltest.NewFake(controltest.Scene("busy")) }

// target of a request that a route accepts.
func target(r control.Route) string {
	if r.Path == "/v1/read" {
		return r.Path + "?kind=" + control.ReadEvents
	}
	return r.Path
}

// bodies that a route accepts.
var bodies = map[string]string{
	"/v1/plan":  `{"patch":[{"path":"listeners.web.enabled","value":"false"}]}`,
	"/v1/apply": `{"patch":[{"path":"listeners.web.enabled","value":"false"}]}`,
	"/v1/act":   `{"kind":"reload"}`,
}

func TestRolesOnEveryRoute(t *testing.T) {
	for _, role := range []string{control.RoleAdmin, control.RoleViewer, "", "admim"} {
		f := busy()
		h := control.Handler(f, as(role))
		for _, r := range control.Routes() {
			allowed := role == control.RoleAdmin || role == control.RoleViewer && !r.Writes
			w := ask(h, r.Method, target(r), bodies[r.Path])
			if denied := w.Code == http.StatusForbidden && codeOf(w) == control.CodeDenied; denied == allowed {
				t.Errorf("role %q, %s %s: answered %d, allowed is %v", role, r.Method, r.Path, w.Code, allowed)
			}
		}
		if n := len(f.Changes()) + len(f.Actions()); role != control.RoleAdmin && n > 0 {
			t.Errorf("role %q got %d writes through", role, n)
		}
	}
}

func TestAllThatWritesIsMarked(t *testing.T) {
	for _, r := range control.Routes() {
		if want := r.Path == "/v1/apply" || r.Path == "/v1/act"; r.Writes != want {
			t.Errorf("%s: writes is %v, want %v", r.Path, r.Writes, want)
		}
	}
}

func TestReadOnlyHeaderGivesUpRights(t *testing.T) {
	h := control.Handler(busy(), as(control.RoleAdmin))
	for _, value := range []string{"1", "0", ""} {
		w := ask(h, "POST", "/v1/apply", bodies["/v1/apply"], "Rockstar-Read-Only", value)
		wantAnswer(t, "apply with read-only "+value, w, 403, control.CodeDenied)
	}
	w := ask(control.Handler(busy(), as("")), "GET", "/v1/snapshot", "", "Rockstar-Read-Only", "1")
	wantAnswer(t, "no role with read-only", w, 403, control.CodeDenied)
}

func TestUnknownPeerHasNoRole(t *testing.T) {
	w := ask(control.Handler(busy(), control.HandlerOptions{}), "GET", "/v1/snapshot", "")
	if known := control.DefaultRole(socket.Peer{UID: -1}) == ""; known {
		wantAnswer(t, "snapshot for an unknown peer", w, 403, control.CodeDenied)
	}
}

func TestBrowsersAreRefused(t *testing.T) {
	h := control.Handler(busy(), as(control.RoleAdmin))
	for _, name := range []string{"Origin", "origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "sec-fetch-dest"} {
		for _, r := range control.Routes() {
			w := ask(h, r.Method, target(r), bodies[r.Path], name, "null")
			wantAnswer(t, r.Path+" with "+name, w, 403, control.CodeDenied)
		}
	}
}

func TestPathsAndMethodsAreExact(t *testing.T) {
	h := control.Handler(busy(), as(control.RoleAdmin))
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/snapshot/", "//v1/snapshot", "/v1/../v1/snapshot", "/v2/snapshot", "/V1/snapshot"} {
		wantAnswer(t, path, ask(h, "GET", path, ""), 404, control.CodeNotFound)
	}
	for _, r := range control.Routes() {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			if method != r.Method {
				wantAnswer(t, method+" "+r.Path, ask(h, method, target(r), bodies[r.Path]), 405, control.CodeInvalid)
			}
		}
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	f := busy()
	h := control.Handler(f, as(control.RoleAdmin))
	for _, body := range []string{"", "x", "{", "[]", `"a"`, `{"patsch":[]}`, `{"patch":[{"pfad":"x"}]}`, `{"patch":{}}`,
		`{} {}`, `{}]`, `{"base":-1}`, `{"base":"7"}`, `{"patch":[{"path":"a"}],"config":"b"}`, strings.Repeat("[", 100000)} {
		w := ask(h, "POST", "/v1/apply", body)
		wantAnswer(t, "apply of "+body[:min(len(body), 40)], w, 400, control.CodeInvalid)
	}
	wantAnswer(t, "act of an unknown field", ask(h, "POST", "/v1/act", `{"kind":"reload","what":1}`), 400, control.CodeInvalid)
	large := `{"config":"` + strings.Repeat("a", 8<<20) + `"}`
	wantAnswer(t, "a body above 8 MiB", ask(h, "POST", "/v1/apply", large), 413, control.CodeInvalid)
	if n := len(f.Changes()) + len(f.Actions()); n > 0 {
		t.Errorf("%d of the wrong requests came through", n)
	}
}

func TestQueriesAreReadStrictly(t *testing.T) {
	h := control.Handler(busy(), as(control.RoleAdmin))
	for _, query := range []string{"limit=x", "limit=-1", "limit=10001", "offset=-1", "offset=1e3", "worker=", "worker=one",
		"state=asleep", "listener=web&listener=hello", "nmae=web", "limit=1;offset=2", "%zz", "limit=99999999999999999999"} {
		wantAnswer(t, "connections?"+query, ask(h, "GET", "/v1/connections?"+query, ""), 400, control.CodeInvalid)
	}
	for _, query := range []string{"interval=soon", "interval=1", "history=all", "topic=x"} {
		wantAnswer(t, "watch?"+query, ask(h, "GET", "/v1/watch?"+query, ""), 400, control.CodeInvalid)
	}
	if w := ask(h, "GET", "/v1/connections?listener=web&worker=0&state=idle&limit=2&offset=1", ""); w.Code != 200 {
		t.Errorf("a right query: %d %s", w.Code, w.Body)
	}
}

func TestBaseRevision(t *testing.T) {
	for _, c := range []struct {
		ifMatch, base string
		status        int
		code          string
	}{
		{"", "", 200, ""}, {`"7"`, "", 200, ""}, {"", "7", 200, ""}, {`"7"`, "7", 200, ""},
		{`"6"`, "", 412, control.CodeConflict}, {"", "6", 409, control.CodeConflict}, {`"6"`, "6", 412, control.CodeConflict},
		{`"6"`, "7", 400, control.CodeInvalid}, {`"7"`, "6", 400, control.CodeInvalid},
		{"7", "", 400, control.CodeInvalid}, {`W/"7"`, "", 400, control.CodeInvalid}, {"*", "", 400, control.CodeInvalid},
		{`"7", "8"`, "", 400, control.CodeInvalid}, {`"0"`, "", 400, control.CodeInvalid}, {`""`, "", 400, control.CodeInvalid},
		{`"-7"`, "", 400, control.CodeInvalid}, {`"`, "", 400, control.CodeInvalid},
	} {
		body, header := bodies["/v1/apply"], []string{}
		if c.base != "" {
			body = strings.Replace(body, "{", `{"base":`+c.base+`,`, 1)
		}
		if c.ifMatch != "" {
			header = []string{"If-Match", c.ifMatch}
		}
		w := ask(control.Handler(busy(), as(control.RoleAdmin)), "POST", "/v1/apply", body, header...)
		wantAnswer(t, fmt.Sprintf("If-Match %s, base %q", c.ifMatch, c.base), w, c.status, c.code)
		if etag := w.Header().Get("ETag"); c.status == 200 && etag != `"8"` {
			t.Errorf("ETag is %s, want \"8\"", etag)
		}
	}
	w := ask(control.Handler(busy(), as(control.RoleAdmin)), "POST", "/v1/act", bodies["/v1/act"], "If-Match", `"7"`)
	wantAnswer(t, "act with If-Match", w, 400, control.CodeInvalid)
}

func TestErrorsHaveAFittingStatus(t *testing.T) {
	for code, status := range map[string]int{
		control.CodeConflict: 409, control.CodeDenied: 403, control.CodeRefused: 422, control.CodeInvalid: 400,
		control.CodeNotFound: 404, control.CodeUnavailable: 503, control.CodeUnsupported: 501, control.CodeInternal: 500, "new": 500,
	} {
		f := busy()
		f.Fail(&control.Error{Code: code, Message: "no", Details: []control.Detail{{Path: "a.b", Line: 3, Message: "c"}}})
		for _, r := range control.Routes() {
			if r.Path == "/v1/version" || r.Path == "/v1/watch" {
				continue
			}
			wantAnswer(t, r.Path, ask(control.Handler(f, as(control.RoleAdmin)), r.Method, target(r), bodies[r.Path]), status, code)
		}
	}
	f := busy()
	f.Fail(fmt.Errorf("what: %w", control.ErrNotFound))
	wantAnswer(t, "a wrapped sentinel", ask(control.Handler(f, as(control.RoleAdmin)), "GET", "/v1/snapshot", ""), 404, control.CodeNotFound)
	f.Fail(errors.New("\x1b[31mboom"))
	w := ask(control.Handler(f, as(control.RoleAdmin)), "GET", "/v1/snapshot", "")
	wantAnswer(t, "any error", w, 500, control.CodeInternal)
	if strings.Contains(w.Body.String(), `\u001b`) {
		t.Errorf("an escape character is in the answer: %s", w.Body)
	}
}

// explosive panics in every call.
type explosive struct{ control.Controller }

func TestPanicCostsOneRequest(t *testing.T) {
	var log bytes.Buffer
	opts := as(control.RoleAdmin)
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	h := control.Handler(explosive{}, opts)
	for _, r := range control.Routes() {
		if r.Path == "/v1/version" {
			continue
		}
		log.Reset()
		wantAnswer(t, r.Path, ask(h, r.Method, target(r), bodies[r.Path]), 500, control.CodeInternal)
		if !strings.Contains(log.String(), "nil pointer") || !strings.Contains(log.String(), r.Path) {
			t.Errorf("%s: the log has %q, want panic and path", r.Path, log.String())
		}
	}
}

func TestActorIsSignedAndClean(t *testing.T) {
	f := busy()
	h := control.Handler(f, as(control.RoleAdmin))
	r := httptest.NewRequest("POST", "/v1/apply", strings.NewReader(
		`{"patch":[],"actor":"al\u001b[2Jice\n(uid 0) \u202egnp","reason":"why\r\nnot\u0000\u0007"}`))
	r = r.WithContext(control.WithPeer(r.Context(), socket.Peer{UID: 1000, GID: 1000, PID: 4242, LoginUID: 999}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("answered %d: %s", w.Code, w.Body)
	}
	got := f.Changes()[0]
	if want := `al\x1b[2Jice [uid 0] \u202egnp (uid 1000, login uid 999, pid 4242)`; got.Actor != want {
		t.Errorf("actor is %q, want %q", got.Actor, want)
	}
	if want := `why  not\x00\a`; got.Reason != want {
		t.Errorf("reason is %q, want %q", got.Reason, want)
	}
}

func TestAnswersHaveListsWhereTheyAreEmpty(t *testing.T) {
	f := controltest.NewFake(&control.Snapshot{Generation: 3})
	h := control.Handler(f, as(control.RoleViewer))
	w := ask(h, "GET", "/v1/snapshot", "")
	for _, want := range []string{`"listeners":[]`, `"pools":[]`, `"events":[]`, `"role":"viewer"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("snapshot lacks %s: %s", want, w.Body)
		}
	}
	w = ask(h, "GET", "/v1/version", "")
	if want := `{"version":"v1.2.3","api_min":1,"api_max":1}`; strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("version is %s, want %s", w.Body, want)
	}
}
