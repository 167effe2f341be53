// Package change changes what runs, one change at a time.
//
// Whoever wants to change something takes a turn of a [Queue] and gives it back.
// Turns are handed on in the order in which they were asked for; nobody polls. The
// clock goes before everybody else: when the time of a trial is up, it also ends a
// turn that yields, such as the renewal of a certificate, which is then tried
// again. The end of the runtime waits for nobody: it cancels the turn under way,
// refuses those who wait, and leaves behind a turn that does not come back.
//
// While a turn lasts its owner may do what changes what runs. Whatever can block
// for other reasons, such as reading a file, belongs before the turn.
//
// The [Engine] takes these turns: for operators ([Engine.Apply], [Engine.Act]), for
// the watched config file, for the servers of a program ([Engine.Serve]), for the
// clock and for renewed certificates. Each ends in the same transaction
// (transaction.go), in this order:
//
//  1. Prepare what can fail: bind addresses, start workers, hand out settings. A
//     failure undoes all of it, in reverse, and leaves no trace.
//  2. Commit: the ledger and the endpoints know the new state. This cannot fail.
//  3. Retire what was replaced, under the number of a receipt.
//  4. Write to the state directory, and tell the events.
//
// A plan ([Engine.Plan]) is the same comparison of what runs with what should,
// without a turn.
package change
