package control

import (
	"context"
	"errors"
	"net/http"
)

// errorBody is an error on the wire.
type errorBody struct {
	Error *Error `json:"error"`
}

// statusError is an error with another status than its code has.
type statusError struct {
	status int
	err    *Error
}

func (e *statusError) Error() string { return e.err.Message }
func (e *statusError) Unwrap() error { return e.err }

var statuses = map[string]int{
	CodeConflict:    http.StatusConflict,
	CodeDenied:      http.StatusForbidden,
	CodeRefused:     http.StatusUnprocessableEntity,
	CodeInvalid:     http.StatusBadRequest,
	CodeNotFound:    http.StatusNotFound,
	CodeUnavailable: http.StatusServiceUnavailable,
	CodeUnsupported: http.StatusNotImplemented,
	CodeInternal:    http.StatusInternalServerError,
}

func statusOf(err error) int {
	var s *statusError
	if errors.As(err, &s) {
		return s.status
	}
	if status, ok := statuses[AsError(err).Code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// unmatched gives a conflict the status that a failed If-Match has.
func unmatched(r *request, err error) error {
	if errors.Is(err, ErrConflict) && r.Header.Get("If-Match") != "" {
		return &statusError{http.StatusPreconditionFailed, AsError(err)}
	}
	return err
}

// AsError returns err as an *[Error]: the one in its chain, or a new one with
// the code of the sentinel that it wraps. An end of a context is
// [CodeUnavailable], anything else [CodeInternal]. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	for code, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			return &Error{Code: code, Message: err.Error()}
		}
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: CodeUnavailable, Message: err.Error()}
	}
	return &Error{Code: CodeInternal, Message: err.Error()}
}
