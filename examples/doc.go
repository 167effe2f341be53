// Package examples holds whole programs, one a folder, that use the Go API. Its
// tests build them, start them and talk to them.
package examples
