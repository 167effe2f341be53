// Package render writes what the command line shows to people: tables, plans, the
// status, errors. It draws what it is given, a snapshot or a part of one, on a
// [Page], and decides nothing; the commands are in package cli.
//
// Names and messages in a snapshot come from clients, backends and config files.
// Therefore nothing reaches the terminal but through [Page.Line], [Page.Table] and
// [JSON], which make control characters visible (package printable).
package render
