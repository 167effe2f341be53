// Package listener serves HTTP on connections: it accepts them, recognizes the
// protocol, runs an engine for it, and keeps every connection within limits that
// may change at any time.
//
// Start with [Server]. It accepts from any net.Listener ([Server.Serve]), such
// as a slot of package sockets, or from a UDP socket ([Server.ServeQUIC]). Its
// [Handler] gets an [Exchange], one request and its response, the same on
// HTTP/1.1 (fasthttp, or net/http where [NetHTTP] handlers want it), HTTP/2
// (net/http) and HTTP/3 (quic-go).
//
//	accept → TLS, if any → which protocol? → engine → Handler(Exchange)
//	              every connection is in a table, with its state and since when
//	              sweeper: a few times a second, state and age against Limits
//
// Three things make a Server different from the one of net/http:
//
//   - No deadlines per request. A connection's state is one atomic word; the
//     sweeper compares it with the present [Limits]. So [Server.SetLimits] reaches
//     connections that are already open.
//   - Counting is free. [Counters] are plain atomics that may lie in memory shared
//     with another process, which reads them at any time, even after a crash.
//   - Connections can leave. [Server.Drain] waits for requests and tells clients
//     to go; [Server.HandOver] sends idle connections to another process, which
//     takes them by AcceptConn, and their clients notice nothing.
//
// The package knows no configuration files, routes, worker processes or pools.
package listener
