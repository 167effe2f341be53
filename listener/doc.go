// Package listener serves endpoints: it opens listening sockets, accepts from
// them, carries HTTP/1.1 on what was accepted, and keeps each connection within
// limits that may change at any time.
//
// [Sockets] are the listening sockets of one address, divided into slots that
// several processes can serve. A [Server] accepts from any of them, keeps a
// table of its connections, and counts into [Counters], which may lie in memory
// shared with another process.
package listener
