// Package room is the domain of Caravan: who may enter a room, in which order
// things happen there, and what must be durable before it is told.
//
// A message takes one way. Service.Submit puts it into the lane that its room
// hashes to; the lane commits what waits, in one transaction of the Store; only
// then the hub hands the new events, in the room's order and without gaps, to the
// room's listeners on this node, and the Backplane tells the other nodes. The Store
// and the Backplane are interfaces declared here and implemented elsewhere.
//
// Who may touch what: a lane's batch belongs to its goroutine; the hub is
// sharded, each shard under a short lock that is never held over I/O; batches of
// events are immutable. All methods of Service are safe for concurrent use.
package room
