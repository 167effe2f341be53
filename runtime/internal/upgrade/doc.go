// Package upgrade replaces the program in the running process, by exec: the process
// keeps its number, its children and its descriptors, and no connection is lost.
//
// # The order
//
//  1. [Upgrader.Begin] asks the new program, in a process of its own, whether it can go
//     on with the [State] that this one would hand over ([Check] is its answer). If not,
//     nothing has changed.
//  2. What the master serves itself moves to an interim worker each, and connections
//     from before come to their end, each within its listener's shutdown timeout.
//  3. The [Door] is paused: new clients of the control socket queue. Whatever looks
//     after workers is frozen, and described with the numbers of its descriptors.
//  4. The state goes to memory that the new program inherits, for it has secrets in it,
//     and the new program is executed. If that fails, everything goes on as before.
//  5. The new program finds the state ([Inherited]), adopts what it names
//     ([Upgrader.Resume]), and then replaces the workers one after the other
//     ([Upgrader.TakeOver]).
//
// # Who stands by
//
// A program that has passed its check may still die when it takes over, and then nobody
// would be left to say so. A process of the old program therefore stands by ([StandBy])
// with one end of a pipe, whose other end the new program has: a byte says that all is
// well, and an end of the pipe without one is the end of the new program. The old one
// then comes back in the place of who stood by, and adopts the workers, which serve on
// meanwhile ([CameBack]).
//
// # Versions
//
// The state is read by programs of other versions. Its JSON names stay as they are, and
// what is added must be of no harm when it is missing; [State] says how a program finds
// out whether it understands another's.
package upgrade
