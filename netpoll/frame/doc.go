// Package frame reads and writes WebSocket frames as a server sees them
// (RFC 6455 section 5, RFC 7692 section 6): bytes in, messages out, no I/O.
//
// A Reader is fed whatever bytes arrive and hands whole messages and control
// frames to a Sink. A message that lies whole in the bytes fed is unmasked where
// it is and handed over without a copy; only what is cut by the end of the bytes
// is kept, and only until it is complete. Memory follows the bytes that really
// came, never a length that a header announces.
//
// A Reader belongs to one connection and is not safe for concurrent use.
package frame
