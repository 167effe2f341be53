// Package runtime is the rockstar runtime: it opens listeners, serves them in
// this process or in preforked workers, keeps pools of backend connections, and
// changes any of it while it runs. (Go's own package runtime is imported as
// goruntime throughout this module.)
//
// An [App] is composed from packages that know nothing of each other: listener
// accepts and serves, prefork keeps worker processes, pool lends backend
// connections, config says what should be, control is how one watches and
// operates it. This package ties them together.
package runtime
