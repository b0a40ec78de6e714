// Package wire is the client's side of Caravan's WebSocket: handshake, frames,
// and a look into the server's JSON that finds what a harness needs without
// decoding the rest. It shares no code with the server, so that it can disagree
// with it.
//
// Everything but Client is pure: no I/O, safe for concurrent use on different
// memory.
package wire
