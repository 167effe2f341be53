package config

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration written as "10s" or "1m30s".
type Duration time.Duration

// String writes the duration as time.Duration does: "2m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration like [Duration.String].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what [Duration.MarshalText] writes, and every other form
// that time.ParseDuration reads, as long as it has a unit.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

var bareNumber = regexp.MustCompile(`^[0-9]+$`)

// parseDuration also refuses "0", which time.ParseDuration reads: one rule, a
// number needs its unit, is easier to remember than the rule and an exception.
func parseDuration(text string) (Duration, error) {
	if bareNumber.MatchString(text) {
		return 0, faultf("a duration needs a unit").hintf("write %q", shorten(text)+"s")
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return 0, faultf("%q is not a duration", shorten(text)).hintf("write it like 500ms, 10s or 1m30s")
	}
	return Duration(v), nil
}

// Size is a number of bytes written as "512", "512B", "4KiB", "10MiB" or "1GiB".
type Size int64

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String writes the size in the largest unit that divides it: "64KiB", "1025".
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes the size like [Size.String].
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what [Size.MarshalText] writes.
func (s *Size) UnmarshalText(text []byte) error {
	v, err := parseSize(string(text))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

var sizeForm = regexp.MustCompile(`^(-?[0-9]+)(B|[KMG]iB)?$`)

func parseSize(text string) (Size, error) {
	form := sizeForm.FindStringSubmatch(text)
	if form == nil {
		return 0, faultf("%q is not a size", shorten(text)).hintf("write it like 512, 4KiB, 10MiB or 1GiB")
	}
	n, err := parseInt(form[1])
	if err != nil {
		return 0, err
	}
	unit := bytesOf(form[2])
	if n > math.MaxInt64/unit || n < math.MinInt64/unit {
		return 0, faultf("%s is too large", shorten(text))
	}
	return Size(n * unit), nil
}

func bytesOf(unit string) int64 {
	for _, u := range units {
		if u.name == unit {
			return u.bytes
		}
	}
	return 1
}

var intForm = regexp.MustCompile(`^-?[0-9]+$`)

// parseInt refuses leading zeros, which YAML takes for octal.
func parseInt(text string) (int64, error) {
	if !intForm.MatchString(text) {
		return 0, faultf("%q is not a whole number", shorten(text))
	}
	if digits := strings.TrimPrefix(text, "-"); len(digits) > 1 && digits[0] == '0' {
		return 0, faultf("a number has no leading zeros").hintf("write %s", plainDigits(text))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, faultf("%s is too large", shorten(text))
	}
	return n, nil
}

func plainDigits(text string) string {
	text = shorten(strings.TrimLeft(text, "-0"))
	if text == "" {
		return "0"
	}
	return text
}

func parseBool(text string) (bool, error) {
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	f := faultf("%q is neither true nor false", shorten(text))
	switch strings.ToLower(text) {
	case "true", "yes", "on", "y", "1":
		return false, f.hintf("write true")
	case "false", "no", "off", "n", "0":
		return false, f.hintf("write false")
	}
	return false, f
}

// shorten keeps messages readable whatever was written in the file.
func shorten(text string) string {
	const most = 48
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// fault is what is wrong with a value, and what would be right.
type fault struct{ message, hint string }

func faultf(format string, args ...any) *fault {
	return &fault{message: fmt.Sprintf(format, args...)}
}

func (f *fault) hintf(format string, args ...any) *fault {
	f.hint = fmt.Sprintf(format, args...)
	return f
}

// Error joins the two as [Error.Error] does.
func (f *fault) Error() string { return joinHint(f.message, f.hint) }
