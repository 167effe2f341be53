package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/echterhof/rockstar-tui/internal/printable"
	"github.com/echterhof/rockstar-tui/runtime/control/message"
	"github.com/echterhof/rockstar-tui/runtime/control/socket"
)

const (
	// maxBody is the largest change: a config file of the largest size.
	maxBody = 8 << 20
	// bodyTimeout is how long a body may take to arrive.
	bodyTimeout = 30 * time.Second
)

func changeOf(a *answer, r *request) (Change, error) {
	var c Change
	if err := decode(a, r, &c); err != nil {
		return c, err
	}
	base, err := matched(r.Header)
	if err != nil {
		return c, err
	}
	if base != 0 && c.Base != 0 && base != c.Base {
		return c, invalid("base", message.BaseTwice, base, c.Base)
	}
	c.Base = max(c.Base, base)
	c.Actor, c.Reason = sign(r.peer, c.Actor), printable.Limit(c.Reason, 500)
	return c, c.Check()
}

// matched returns the generation of If-Match, 0 without one. Only what surely
// means one generation is understood: a precondition must not be guessed.
func matched(h http.Header) (uint64, error) {
	values := h.Values("If-Match")
	if len(values) == 0 {
		return 0, nil
	}
	number, quoted := strings.CutPrefix(values[0], `"`)
	number, closed := strings.CutSuffix(number, `"`)
	n, err := strconv.ParseUint(number, 10, 64)
	if len(values) > 1 || !quoted || !closed || err != nil || n == 0 {
		return 0, invalid("If-Match", message.IfMatchMalformed, printable.Limit(strings.Join(values, ", "), 100))
	}
	return n, nil
}

func actionOf(a *answer, r *request) (Action, error) {
	var action Action
	if err := decode(a, r, &action); err != nil {
		return action, err
	}
	if r.Header.Get("If-Match") != "" {
		return action, invalid("If-Match", message.IfMatchOnAction)
	}
	action.Actor, action.Reason = sign(r.peer, action.Actor), printable.Limit(action.Reason, 500)
	return action, nil
}

// sign returns the name that someone claims together with what is known of
// them: "alice (uid 1000, pid 4242)". The claim cannot look like the rest.
func sign(p socket.Peer, claim string) string {
	claim = strings.NewReplacer("(", "[", ")", "]").Replace(printable.Limit(claim, 100))
	var known []string
	add := func(what string, n int) {
		if n >= 0 {
			known = append(known, fmt.Sprintf("%s %d", what, n))
		}
	}
	add("uid", p.UID)
	if p.LoginUID != p.UID {
		add("login uid", p.LoginUID)
	}
	add("pid", p.PID)
	if len(known) == 0 {
		return claim
	}
	return strings.TrimSpace(claim + " (" + strings.Join(known, ", ") + ")")
}

// decode reads one JSON value with known fields only.
func decode(a *answer, r *request, v any) error {
	// Where the connection has no deadlines, as in tests, the body is there already.
	rc := http.NewResponseController(a)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTimeout))
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()

	dec := json.NewDecoder(http.MaxBytesReader(a, r.Body, maxBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return unreadable(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("", message.BodyGoesOn)
	}
	return nil
}

func unreadable(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return &statusError{http.StatusRequestEntityTooLarge, invalid("", message.BodyTooLarge, maxBody>>20)}
	case errors.Is(err, io.EOF):
		return invalid("", message.BodyEmpty)
	}
	return invalid("", message.BodyMalformed, strings.TrimPrefix(err.Error(), "json: "))
}

// parameters of a query string, each at most once and none but the known.
func parameters(raw string, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, invalid("", message.QueryMalformed, err)
	}
	return values, single(values, known...)
}

// single finds a parameter that is not known, or there more than once.
func single(values url.Values, known ...string) error {
	for name, v := range values {
		if !slices.Contains(known, name) {
			return invalid(name, message.UnknownParameter, printable.Limit(name, 40), strings.Join(known, ", "))
		}
		if len(v) > 1 {
			return invalid(name, message.ParameterTwice, name)
		}
	}
	return nil
}

func queryOf(raw string) (Query, error) {
	values, err := parameters(raw, "listener", "worker", "state", "limit", "offset")
	if err != nil {
		return Query{}, err
	}
	q := Query{Listener: values.Get("listener"), State: values.Get("state")}
	if values.Has("worker") {
		q.Worker = new(int)
	}
	for name, at := range map[string]*int{"worker": q.Worker, "limit": &q.Limit, "offset": &q.Offset} {
		if err := number(values, name, at); err != nil {
			return Query{}, err
		}
	}
	_, err = q.Effective()
	return q, err
}

// number puts a parameter where it belongs, if it is there.
func number(values url.Values, name string, at *int) error {
	if !values.Has(name) {
		return nil
	}
	n, err := strconv.Atoi(values.Get(name))
	if err != nil {
		return invalid(name, message.ParameterNumber, name, printable.Limit(values.Get(name), 40))
	}
	*at = n
	return nil
}

// large returns a number that need not fit an int, 0 if it is not there.
func large(values url.Values, name string) (uint64, error) {
	text := values.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, invalid(name, message.ParameterNumber, name, printable.Limit(text, 40))
	}
	return n, nil
}

// yes returns whether a parameter is true; without it, it is not.
func yes(values url.Values, name string) (bool, error) {
	switch text := values.Get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, invalid(name, message.ParameterBool, name, printable.Limit(text, 40))
	}
}

func (q Query) values() url.Values {
	v := url.Values{}
	set(v, "listener", q.Listener)
	if q.Worker != nil {
		v.Set("worker", strconv.Itoa(*q.Worker))
	}
	set(v, "state", q.State)
	set(v, "limit", q.Limit)
	set(v, "offset", q.Offset)
	return v
}

// set adds a parameter, unless it has the value that it has without.
func set[T string | int | uint64 | bool](v url.Values, name string, value T) {
	if value != *new(T) {
		v.Set(name, fmt.Sprint(value))
	}
}

func historyQueryOf(raw string) (HistoryQuery, error) {
	values, err := parameters(raw, "number", "limit", "config")
	if err != nil {
		return HistoryQuery{}, err
	}
	var q HistoryQuery
	if q.Config, err = yes(values, "config"); err != nil {
		return q, err
	}
	if q.Number, err = large(values, "number"); err != nil {
		return q, err
	}
	if err := number(values, "limit", &q.Limit); err != nil {
		return q, err
	}
	_, err = q.Effective()
	return q, err
}

func (q HistoryQuery) values() url.Values {
	v := url.Values{}
	set(v, "number", q.Number)
	set(v, "limit", q.Limit)
	set(v, "config", q.Config)
	return v
}

func watchOptionsOf(raw string) (WatchOptions, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return WatchOptions{}, invalid("", message.QueryMalformed, err)
	}
	// An empty parameter means everything, as that of a listener does.
	o := WatchOptions{Look: slices.DeleteFunc(values["look"], func(path string) bool { return path == "" })}
	if len(o.Look) > maxLook {
		return o, invalid("look", message.ParameterTooOften, "look", len(o.Look), maxLook)
	}
	values.Del("look")
	if err := single(values, "interval", "history"); err != nil {
		return o, err
	}
	if text := values.Get("interval"); text != "" {
		if o.Interval, err = time.ParseDuration(text); err != nil {
			return o, invalid("interval", message.ParameterDuration, "interval", printable.Limit(text, 40))
		}
	}
	return o, number(values, "history", &o.History)
}

func (o WatchOptions) values() url.Values {
	v := url.Values{"interval": {o.Interval.String()}, "history": {strconv.Itoa(o.History)}}
	if len(o.Look) > 0 {
		v["look"] = o.Look
	}
	return v
}

func readQueryOf(raw string) (ReadQuery, error) {
	values, err := parameters(raw, "kind", "listener", "after", "limit", "follow")
	if err != nil {
		return ReadQuery{}, err
	}
	q := ReadQuery{Kind: values.Get("kind"), Listener: values.Get("listener")}
	if q.After, err = large(values, "after"); err != nil {
		return q, err
	}
	if q.Follow, err = yes(values, "follow"); err != nil {
		return q, err
	}
	if err := number(values, "limit", &q.Limit); err != nil {
		return q, err
	}
	return q, q.Check()
}

func (q ReadQuery) values() url.Values {
	v := url.Values{"kind": {q.Kind}}
	set(v, "listener", q.Listener)
	set(v, "after", q.After)
	set(v, "limit", q.Limit)
	set(v, "follow", q.Follow)
	return v
}
