// Package netpoll serves WebSockets (RFC 6455, with permessage-deflate of
// RFC 7692) on gnet's event loops: no goroutine, no lock and no allocation per
// connection or per delivery. It knows nothing of what is said over them.
//
// A program gives Listen a Config with a Handler and runs the Server:
//
//	server, err := netpoll.Listen(netpoll.Config{Addr: ":8000", Handler: h})
//	...
//	err = server.Run() // until Drain or Close
//
// # Threads
//
// There are as many Loops as the Config says, each with a listener of its own
// (SO_REUSEPORT) and a goroutine of its own. A connection belongs to the loop
// that accepted it, for its whole life. Everything about it happens on that
// goroutine: every call of the Handler; and only there the methods of Conn and
// Topic may be called. So a Handler needs no locks for what belongs to one
// connection or one loop, and must never block: what waits for anything goes to
// another goroutine, which brings its result back with Loop.Post.
//
// Safe from any goroutine are only: Loop.Post and its halves Loop.Queue and
// Loop.Wake, Loop.Index, Loop.MailWaiting, Conn.Prepare and Conn.Prepared, the methods of
// Server, and NewPayload. A Payload may be sent on all loops.
//
// # A turn
//
// A loop works in turns. The order of the stages is the guarantee:
//
//  1. what the sockets have brought is read and handed to the Handler;
//  2. the mail: the functions that were posted, in the order of the posts;
//  3. once in a while: timeouts, pings, Handler.Tick;
//  4. what Conn.Resume was called for is handed to the Handler;
//  5. Handler.Close for each connection that ended;
//  6. each connection that something was sent to is written ONCE, with one write
//     or one writev, whatever the number of messages;
//  7. sockets that are done with are closed; then what Loop.AfterWrites was given is called.
//
// A turn that brought nothing for the stages after the first one ends there: most
// messages go to another goroutine, which posts later what came of them.
//
// So what is sent to a connection in one turn costs one system call, and a
// Handler is never called from inside its own call of Send or Close.
//
// Where writing to the same connections takes a loop most of its time, the sixth stage waits
// a few milliseconds now and then, so that more leaves with a write.
//
// # Layers
//
// No file needs one that stands above it (TestFilesStandInLayers). From the top:
//
//	listen            Listen and Run: what a Config becomes
//	events            gnet's callbacks
//	turn, tick        the stages of a turn; what time brings
//	stalled           who is closed because of what waits for it
//	receive, upgrade, frames, handover      what a socket brought
//	proxied                                 for whom a proxy brings it
//	yield                                   who goes for others
//	conn, part, topic, ping, refuse, flush  what is sent
//	ending, write, move, pause              how a connection ends, is written, changes its state, is not read
//	accept                                  what happens where no connection can be accepted
//	wake, doze                              a loop's mailbox, its wake-up, and how it waits
//	loop, ages, shared                      the types
//	state, pongs, unread, mailbox, outbox, claim, … what knows nothing of connections
//
// Beside them stand the Server (server, bind, drain, deliver, takeback, stats, seldom) and,
// below all, the bytes: packages frame, handshake, proxyheader, deflate.
//
// # Limits
//
// Everything that a client can make grow has a limit, in the Config or a fixed one:
// connections, bytes of a handshake, of all that are not whole, and of a message, fragments, pings, time without
// a sign of life, and the bytes that wait because it does not read (OutboxBytesMax), and
// how long they may (IdleTimeout).
package netpoll
