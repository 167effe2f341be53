// Package listener serves endpoints: it accepts from listening sockets, carries
// HTTP on what was accepted, and keeps each connection within limits that may
// change at any time.
//
// A [Server] accepts from any listener, such as a slot of package sockets, keeps a
// table of its connections, and counts into [Counters], which may lie in memory
// shared with another process.
package listener
