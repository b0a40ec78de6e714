// Package backplane carries notices between the nodes of a Caravan over Redis:
// what was committed, who types, which nodes there are. It carries no truth;
// whatever Redis loses, the domain reads from the database.
//
// Each room has a channel. A node subscribes to those of the rooms that it follows.
// Channels are spread over slots: one for a single Redis; several for a Redis
// Cluster, where each has a hash slot of its own, so that sharded publish/subscribe
// keeps a notice on one master. A slot has a subscriber, which owns a connection
// that receives, and a publisher, which sends what waits together in one pipeline.
// So a master that hangs holds up its own slots only.
//
// Every second each publisher sends a heartbeat to the subscriber of the same slot.
// Where it does not come back the slot is silent, and the node is not healthy,
// however well its connections look.
//
// Goroutines: the one that makes a client as soon as Redis can be reached, and
// again where it proves useless; one that watches the health; with a client, one
// for each subscriber and each publisher, the heartbeats' and the lease's. All of
// them end with Close. No method but Close blocks.
package backplane
