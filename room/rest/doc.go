// Package rest is the REST fallback of the chat: the same rooms and messages as over
// WebSockets, for clients that cannot use those.
//
// It does not listen. Connections that turn out to carry plain HTTP are handed
// in with Server.Hand, which makes one port serve both. One goroutine serves a
// connection; each long poll has a second one that notices when the client goes
// away. Each request is judged by netpoll/handshake, as the first one of a connection
// is; fasthttp gives the form in which it is read and answered, and reads no socket.
//
// A caller is known before anything of a body is read. What the server holds at once
// is bounded by Limits; what is over them is answered 503 with Retry-After.
package rest
