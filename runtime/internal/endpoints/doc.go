// Package endpoints has every listener over its whole life: its sockets, who serves
// them, how it moves between addresses and processes, and how it ends.
//
// A [Set] has them all. A [Listener] is one of the config, by name: stopped and started
// again, moved to another address, it keeps its counters. An [Endpoint] is one address
// that is bound and served, by the master itself or by a group of worker processes; its
// sockets outlive whoever serves them, so that changing that loses no connection. A
// listener has at most one endpoint that serves, and any number that drain.
//
// # A change
//
// What may fail comes first: [Listener.Open] and [Endpoint.Change] begin to serve anew
// beside what serves, and return how to take that back and what to retire. Then
// [Set.Commit] makes all of it known at once, or nothing if the set was closed
// meanwhile, and what was replaced is retired. A listener that is new becomes known by
// Commit alone: a refused start leaves nothing on the screen.
//
// The caller makes one change at a time. What only looks, [Listener.Status] or
// [Set.Each], may be called at any time.
//
// # Receipts
//
// Each process that a change retires carries the number of the change's receipt on its
// scoreboard, and is counted when it is gone, and meanwhile by who looks. So the
// receipt tells what became of each connection, over upgrades too.
//
// # Outliving the process
//
// Workers whose master died wait in a directory: [Set.FindOrphans] finds them, and a
// listener that is opened goes on with those that serve it. For an upgrade [Set.Freeze]
// stops everything and describes it, with the numbers of its descriptors, and
// [Set.Resume] goes on with that in the next program.
//
// # Locks
//
// The set, each listener and each endpoint have a lock of their own, taken in this
// order; nothing is opened, drained or waited for under any of them. What a process
// counted that is gone goes to its listener, to its receipt and to the backends' cells
// under one short lock after the other, never one under another; totals stay at the
// highest value seen, since for a moment such a process is counted nowhere.
package endpoints
