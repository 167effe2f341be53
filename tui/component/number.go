package component

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Numbers are written with three digits and a unit, so that they need few cells
// and change no more often than an eye can follow.

// Rate writes a number per second: "0", "0.4", "180", "2.40k". Negative rates are
// those nobody knows yet; they are written as a dash by the caller's choice.
func Rate(v float64, unknown string) string {
	switch {
	case v < 0 || math.IsNaN(v) || math.IsInf(v, 0):
		return unknown
	case v == 0:
		return "0"
	case v < 9.95:
		return strconv.FormatFloat(math.Max(v, 0.1), 'f', 1, 64)
	case v < 999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return scaled(v, 1000, "kMGTPE")
}

// Count writes a number exactly up to 9999 and with three digits beyond: "12.3k".
func Count(n uint64) string {
	if n < 10_000 {
		return strconv.FormatUint(n, 10)
	}
	return scaled(float64(n), 1000, "kMGTPE")
}

// Short writes a number in at most four cells: exactly up to 9999, then "12k",
// "123k", "1.2M".
func Short(n uint64) string {
	if n < 10_000 {
		return strconv.FormatUint(n, 10)
	}
	v := float64(n)
	for _, unit := range "kMGTPE" {
		v /= 1000
		switch {
		case v < 9.95:
			return strconv.FormatFloat(v, 'f', 1, 64) + string(unit)
		case v < 999.5:
			return strconv.FormatFloat(v, 'f', 0, 64) + string(unit)
		}
	}
	return strconv.FormatFloat(v, 'f', 0, 64) + "E"
}

// Bytes writes a number of bytes in powers of 1024: "512", "18.3M".
func Bytes(v float64, unknown string) string {
	switch {
	case v < 0 || math.IsNaN(v) || math.IsInf(v, 0):
		return unknown
	case v < 999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return scaled(v, 1024, "KMGTPE")
}

// scaled divides v until three digits are left.
func scaled(v, base float64, units string) string {
	unit := -1
	for v >= 999.5 && unit < len(units)-1 {
		v /= base
		unit++
	}
	decimals := 0
	switch {
	case v < 9.995:
		decimals = 2
	case v < 99.95:
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if unit >= 0 {
		s += units[unit : unit+1]
	}
	return s
}

// Age writes how long ago something was, coarsely: "<10s", "40s", "3m", "26h", "12d".
func Age(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "<10s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/(10*time.Second)*10)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}

// Millis writes milliseconds with three digits: "0.21", "18.4", "1.2s".
func Millis(ms float64) string {
	switch {
	case ms < 0 || math.IsNaN(ms) || math.IsInf(ms, 0):
		return "?"
	case ms >= 999.5:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + "s"
	case ms < 9.995:
		return strconv.FormatFloat(ms, 'f', 2, 64)
	case ms < 99.95:
		return strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return strconv.FormatFloat(ms, 'f', 0, 64)
}

// Ago writes how long something has lasted, to the second in the first minute:
// "4s", "3m".
func Ago(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%ds", max(0, d)/time.Second)
	}
	return Age(d)
}
