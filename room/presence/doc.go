// Package presence knows who is in the rooms of which somebody wants to know it.
//
// A Table has a Room for each of those, and nothing for any other. A Room begins when the first
// one wants to know: a member who watches, a call over REST, or another node. Then whoever has
// members of the room on this node counts them into it, and says from then on who arrives and
// who departs. It ends a while after the last one who wanted to know.
//
// Each node says of itself who is there, where others want to know: all of it at first, then
// what changes, numbered. Who finds a number missing asks again. Nobody says anything of
// another node, so that a node that dies takes with it all that it said, and nothing has to be
// merged. Users are told of, not connections: with names while they are few, and by their number
// otherwise.
//
// All methods are safe for concurrent use. The locks are held for work in memory only. A Table's
// goroutine, Run, does what is due: it is the only one that says something to other nodes.
package presence
