package control_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/echterhof/rockstar-tui/runtime/control"
	"github.com/echterhof/rockstar-tui/runtime/control/controltest"
)

// FuzzHandler feeds bodies and query strings to every route that takes one.
// Whatever comes in, the answer is JSON with a status of its meaning, and what
// reaches the controller can be printed.
func FuzzHandler(f *testing.F) {
	targets := []string{"/v1/plan", "/v1/apply", "/v1/act", "/v1/connections", "/v1/history", "/v1/read"}
	for i, text := range []string{bodies["/v1/plan"], bodies["/v1/apply"], bodies["/v1/act"], "listener=web&worker=1&limit=5&offset=2&state=idle", "number=1&limit=5&config=true", "kind=events&listener=web&after=5&limit=2"} {
		f.Add(i, text, "")
		f.Add(i, text, `"7"`)
	}
	f.Add(1, `{"patch":[{"path":"listeners.web.prefork.workers","value":"6"}],"actor":"a\u001b[2J","base":7}`, "")
	f.Add(2, `{"kind":"restart_worker","listener":"web","worker":-1,"reason":"\u202e"}`, "")
	f.Add(1, `{"patch":[{"path":"listeners.web.enabled","value":"false"}],"confirm":"60s","guard":{"errors":5},"expires":"30m"}`, "")
	f.Add(2, `{"kind":"rollback","generation":3}`, "")
	f.Fuzz(func(t *testing.T, which int, text, ifMatch string) {
		fake := controltest.NewFake(controltest.Scene("busy"))
		target := targets[uint(which)%uint(len(targets))]
		r := httptest.NewRequest("POST", target, strings.NewReader(text))
		if target == "/v1/connections" || target == "/v1/history" || target == "/v1/read" {
			r = &http.Request{Method: "GET", URL: &url.URL{Path: target, RawQuery: text}, Header: http.Header{}}
		}
		if ifMatch != "" {
			r.Header["If-Match"] = []string{ifMatch}
		}
		w := httptest.NewRecorder()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // of who reads and follows
		defer cancel()
		control.Handler(fake, as(control.RoleAdmin)).ServeHTTP(w, r.WithContext(ctx))
		checkAnswer(t, w)
		for _, c := range fake.Changes() {
			checkPrintable(t, c.Actor, c.Reason)
		}
		for _, a := range fake.Actions() {
			checkPrintable(t, a.Actor, a.Reason)
		}
	})
}

func checkAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	if w.Code == 200 {
		for line := range bytes.Lines(w.Body.Bytes()) {
			if !json.Valid(line) {
				t.Errorf("answer is no JSON: %q", line)
			}
		}
		return
	}
	var body struct{ Error control.Error }
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Code == "" || body.Error.Code == control.CodeInternal {
		t.Errorf("answered %d %q, want an error that is not internal", w.Code, w.Body)
	}
	checkPrintable(t, body.Error.Message)
}

func checkPrintable(t *testing.T, texts ...string) {
	for _, s := range texts {
		if strings.ContainsFunc(s, unicode.IsControl) || !utf8.ValidString(s) {
			t.Errorf("%q cannot be printed", s)
		}
	}
}

// FuzzWatchLine feeds a stream to the client's reader and decoder.
func FuzzWatchLine(f *testing.F) {
	// Small seeds: large ones would only be minimized, not tried.
	f.Add([]byte(`{"revision":7,"listeners":[{"name":"web","workers":[{"id":0}],"history":[{"r":1}]}]}` + "\n"))
	f.Add([]byte(`{"config":{"state":"refused","error":{"code":"invalid","details":[{"line":3}]}},"time":"2026-03-14T15:09:26Z"}` + "\n"))
	f.Add([]byte(`{"error":{"code":"unavailable","message":"gone\u001b[2J"}}`))
	f.Add([]byte("\n\n{}\n{\"listeners\":[{}]}\nnull\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		err := control.ReadLines(bytes.NewReader(stream), 1<<20, func(line []byte) {
			s, err := control.DecodeLine(line)
			if (s == nil) == (err == nil) {
				t.Errorf("%q: snapshot %v, error %v", line, s, err)
			}
			var e *control.Error
			if errors.As(err, &e) {
				checkPrintable(t, e.Code, e.Message)
				if control.AsError(e).Code == "" {
					t.Errorf("%q: an error without a code", line)
				}
			}
		})
		if err == nil {
			t.Error("the end of the stream is no error")
		}
	})
}
