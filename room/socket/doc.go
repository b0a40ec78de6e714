// Package socket is a chat session over a WebSocket: who is at the other end of
// a netpoll.Conn, in which room, and what they may do there.
//
// Everything here belongs to the connection's event loop: the session (one client on one
// connection), its seat (the client in one room), the subscription (one room on one loop) and
// the loopState (what one loop knows). Other goroutines reach them by posting to the loop:
// the admission with its answer, the store's readers with the history, the directory with
// events, the lanes with refusals.
//
// A session has three states:
//
//	entering  the token and the rights are being checked, off the loop
//	open      its user is known
//	closed    nothing more happens; posts that come too late find it so
//
// A seat comes in through the others, each left by such a post:
//
//	outside   it is in no room yet
//	joining   it hears of the room's events but holds them back, until the history
//	          has been read: what the history has seen is dropped, the rest follows
//	live      events pass as they come
//	left      nothing more happens
package socket
