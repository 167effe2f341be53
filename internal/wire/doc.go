// Package wire reads from and writes to TCP connections at the least cost that
// Go's runtime allows.
package wire
