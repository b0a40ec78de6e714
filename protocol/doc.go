// Package protocol is the wire contract of Caravan as bytes: the JSON frames of
// a WebSocket chat session, the JSON bodies of the REST fallback, the texts and
// codes of errors, the close codes, and the limits that both obey.
//
// It does no I/O, starts no goroutine and keeps no state; every function is
// safe for concurrent use. Decoders never keep a reference to their input.
package protocol
