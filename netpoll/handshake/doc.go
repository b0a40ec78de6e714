// Package handshake is the server's side of the opening handshake (RFC 6455
// section 4.2): header bytes in, a checked request or a refusal out, no I/O.
//
// The order of use: HeaderEnd finds the end of the header block in what arrived
// so far; Parse judges that block, strictly by RFC 9112; a request for something
// else than a WebSocket is left to an HTTP server; AppendAccept answers the others.
// Nothing in this package allocates, but for a Refusal.
package handshake
