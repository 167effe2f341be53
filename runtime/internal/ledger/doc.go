// Package ledger knows what should run, what ran before, who changed it and until
// when. It is pure: no goroutine, no lock, no file, no clock but the one that it
// is given. Whoever owns a [Ledger] carries out what it says.
//
// A [View] is the desired state at one moment and never changes; a Ledger replaces
// it by the next one. Everybody may look at the newest View while the owner, one
// goroutine, calls the methods that change something. Each of those returns
// [Effects]: events to tell, and files to write or remove, in that order. A crash
// between any two of them leaves a state directory that leads back to the old
// state or on to the new one.
//
// The rules:
//
//   - One number, the generation, names a state of the config. It grows by one
//     with every change of what runs, over restarts and upgrades if there is a
//     state directory. A refused attempt gets none: it is an attempt at the
//     generation that it met. A confirmation gets none either, because nothing
//     runs differently.
//   - An override is a value that runs and differs from the file. When the file is
//     saved, the file wins where it changed the same value, see [Merge].
//   - A change on trial is taken back unless somebody confirms it in time; a guard
//     may end it early. Taking back is a merge too: what the program itself
//     changed meanwhile stays. Until then nothing else changes.
//   - A change conflicts if a value that it sets was changed since the generation
//     that it is based on. Changes of other values are none of its business.
//   - A saved file may have to wait: for the end of a trial, or for somebody to
//     decide whether it may remove listeners.
//
// What is due by the clock is a pure function of the View, of what the listeners
// count and of the time, see [View.Due].
package ledger
