package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Patterns of JSON Schema for what it knows nothing of: numbers with units that
// lie within limits.

// wholeFrom matches the whole numbers from least to most, without leading zeros.
func wholeFrom(least, most int64) string {
	var parts []string
	for least <= most {
		// As many last digits as can be anything: 30 to 79 is [3-7][0-9].
		step := int64(1)
		for least%(step*10) == 0 && least+step*10-1 <= most && least > 0 {
			step *= 10
		}
		head, free := least/step, strings.Count(strconv.FormatInt(step, 10), "0")
		last := head // of the heads that differ in their last digit only
		for last%10 < 9 && (last+2)*step-1 <= most {
			last++
		}
		text := strconv.FormatInt(head, 10)
		parts = append(parts, fmt.Sprintf("%s[%c-%d]%s", text[:len(text)-1], text[len(text)-1], last%10, strings.Repeat("[0-9]", free)))
		least = (last + 1) * step
	}
	return "(" + strings.Join(parts, "|") + ")"
}

// above matches the whole numbers that are larger.
func above(n int64) string {
	next := int64(10)
	for next <= n+1 {
		next *= 10
	}
	longer := fmt.Sprintf("[1-9][0-9]{%d,}", len(strconv.FormatInt(next, 10))-1)
	if n+1 == next {
		return "(" + longer + ")"
	}
	return "(" + wholeFrom(n+1, next-1) + "|" + longer + ")"
}

// sizePattern matches the sizes within the limits.
func (k *key) sizePattern() string {
	var parts []string
	if k.never {
		parts = append(parts, "0(B|[KMG]iB)?")
	}
	for _, unit := range []string{"B?", "KiB", "MiB", "GiB"} {
		bytes := bytesOf(unit)
		least, most := (k.limits.min+bytes-1)/bytes, k.limits.max/bytes
		if least <= most {
			parts = append(parts, wholeFrom(least, most)+unit)
		}
	}
	return "^(" + strings.Join(parts, "|") + ")$"
}

// durationForm matches what is a duration at all.
const durationForm = `^\+?(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$`

var durationUnits = []struct {
	name string
	unit time.Duration
}{{"ns", time.Nanosecond}, {"[uµμ]s", time.Microsecond}, {"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}}

// beyondLimits are patterns of durations outside the limits: any part that is
// larger alone, the most and something beside it, and a single part that is less.
// Parts that are too much together only, like 23h61m, they do not see.
func (k *key) beyondLimits() (patterns []string) {
	const fraction, part = `(\.[0-9]*)?`, `(^\+?|[a-z])0*`
	for _, u := range durationUnits {
		most := k.limits.max / int64(u.unit)
		patterns = append(patterns, part+above(most)+fraction+u.name+`($|[0-9.])`)
		if k.limits.max%int64(u.unit) == 0 {
			patterns = append(patterns, part+strconv.FormatInt(most, 10)+`(\.0*[1-9][0-9]*`+u.name+`($|[0-9.])|`+u.name+`([1-9]|[0.].*[1-9]))`)
		}
		switch least := (k.limits.min + int64(u.unit) - 1) / int64(u.unit); {
		case least > 1:
			from := int64(0)
			if k.never {
				from = 1
			}
			patterns = append(patterns, `^\+?0*`+wholeFrom(from, least-1)+fraction+u.name+`$`)
		case least == 1 && !k.never:
			patterns = append(patterns, `^\+?0+(\.0*)?`+u.name+`$`)
		}
		if k.limits.min == int64(u.unit) {
			patterns = append(patterns, `^\+?0*\.0*[1-9][0-9]*`+u.name+`$`)
		}
	}
	return patterns
}
