// Package judge holds the tests that compare a handler mounted on this runtime
// with the same handler under net/http, on every protocol. It is a module of its
// own, so that the frameworks and libraries it mounts stay out of the main
// module's dependencies.
package judge
