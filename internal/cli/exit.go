package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/echterhof/rockstar-tui/internal/cli/render"
	"github.com/echterhof/rockstar-tui/runtime/config"
	"github.com/echterhof/rockstar-tui/runtime/control"
)

// Exit codes. Scripts rely on them.
const (
	exitDone       = 0
	exitFailed     = 1
	exitUsage      = 2
	exitUnanswered = 3
	exitConflict   = 4
	exitDenied     = 5
	exitRefused    = 6
	exitBadConfig  = 78 // EX_CONFIG of sysexits.h, for systemd's RestartPreventExitStatus
)

// Codes of errors that do not come from a runtime.
const (
	codeUsage  = "usage"
	codeFailed = "failed"
)

// exitError gives an error another exit code than the one its kind has.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// usageError is a command line that means nothing; it names where to read on.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	help := &control.Detail{Message: fmt.Sprintf("see %s --help", cmd.CommandPath())}
	return &exitError{exitUsage, &control.Error{Code: codeUsage, Message: message, Details: []control.Detail{*help}}}
}

func failed(format string, args ...any) error {
	return &control.Error{Code: codeFailed, Message: fmt.Sprintf(format, args...)}
}

// errSilent ends the program with 1 after the answer itself has said why.
var errSilent = &exitError{exitFailed, errors.New("check failed")}

// fail prints err and returns the exit code for it.
func (c *call) fail(err error) int {
	if errors.Is(err, errSilent) {
		return exitFailed
	}
	e := asError(err)
	if c.json {
		_ = render.JSON(c.Stderr, map[string]*control.Error{"error": e}, "")
		return exitCode(err)
	}
	p := &render.Page{}
	lines := render.ErrorLines(e)
	p.Line("rockstar-tui: %s", lines[0])
	for _, line := range lines[1:] {
		p.Line("  %s", line)
	}
	_, _ = c.Stderr.Write(p.Bytes())
	return exitCode(err)
}

// exitCode of an error that ends the program.
func exitCode(err error) int {
	if e := (*exitError)(nil); errors.As(err, &e) {
		return e.code
	}
	for _, kind := range []struct {
		err  error
		code int
	}{
		{control.ErrUnavailable, exitUnanswered},
		{context.DeadlineExceeded, exitUnanswered},
		{control.ErrConflict, exitConflict},
		{control.ErrDenied, exitDenied},
		{control.ErrRefused, exitRefused},
		{control.ErrInvalid, exitRefused},
	} {
		if errors.Is(err, kind.err) {
			return kind.code
		}
	}
	return exitFailed
}

// asError gives every error the form that is printed.
func asError(err error) *control.Error {
	var bad config.Errors
	switch {
	case errors.As(err, &bad):
		return badConfig(bad)
	case errors.Is(err, context.DeadlineExceeded):
		return &control.Error{Code: control.CodeUnavailable, Message: "the runtime did not answer in time"}
	case errors.Is(err, context.Canceled):
		return &control.Error{Code: codeFailed, Message: "interrupted"}
	}
	e := control.AsError(err)
	if e.Code == control.CodeInternal && !errors.Is(err, control.ErrInternal) {
		e.Code = codeFailed
	}
	return e
}

// ofFile names the file whose content was sent where a runtime names its own.
func ofFile(err error, own, file string) error {
	var e *control.Error
	if !errors.As(err, &e) || own == "" || len(e.Details) == 0 {
		return err
	}
	named := *e
	named.Message = strings.ReplaceAll(e.Message, own+":", file+":")
	named.Details = slices.Clone(e.Details)
	for i := range named.Details {
		if named.Details[i].File == own {
			named.Details[i].File = file
		}
	}
	return &named
}

func badConfig(bad config.Errors) *control.Error {
	e := &control.Error{Code: control.CodeInvalid}
	for _, b := range bad {
		e.Details = append(e.Details, control.Detail{
			Path: b.Path, File: b.File, Line: b.Line, Column: b.Column, Message: b.Message, Hint: b.Hint,
		})
	}
	switch len(bad) {
	case 0:
		e.Message = "the config is not valid"
	case 1:
		e.Message = render.Detail(e.Details[0])
	default:
		e.Message = fmt.Sprintf("the config has %d errors", len(bad))
	}
	return e
}
