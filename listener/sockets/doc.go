// Package sockets has the listening sockets of an address, divided into slots
// that several processes can serve.
//
// [Sockets] are those of TCP: each slot has its own accept queue, and a program
// in the kernel steers new connections to the slots that have an owner.
// [PacketSockets] are those of UDP: every packet goes to the slot that its QUIC
// connection ID names. A slot is opened when it is first asked for and closed
// only with all others, so that an owner may come and go, crash or be replaced,
// and its queue stays. Both can be frozen, and adopted by another program.
//
// Only Linux has slots; elsewhere all of them are one socket.
package sockets
