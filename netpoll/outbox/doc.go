// Package outbox is what waits to be written to a connection: references to bytes
// that never change, in order, up to a limit. A Payload is the bytes of messages,
// framed once however many connections they are sent to; an Outbox is one
// connection's queue of them; a Writer writes the front of a queue with one system
// call; a Pool keeps empty queues, so that an idle connection holds none.
//
// A Payload is safe for concurrent use. Everything else belongs to one event loop.
package outbox
