// Package backplane carries notices between the nodes of a Caravan over Redis:
// what was committed, who types, which nodes there are. It carries no truth;
// whatever Redis loses, the domain reads from the database.
//
// Each room has a channel; a node subscribes to those of the rooms that it
// follows. Channels are spread over slots: one for a single Redis; several for
// a Redis Cluster, where each has a hash slot of its own, so that sharded
// publish/subscribe keeps a notice on one master. A slot has an ear, which is a
// connection that listens, and a mouth, which sends what waits together in one
// pipeline; so a master that hangs holds up its own slots only.
//
// A canary flies from each mouth to the ear of the same slot every second. Where
// it does not come back the node is not healthy, however well its connections
// look.
//
// Goroutines: the one that makes a client as soon as Redis can be reached, and
// again where it proves useless; one that watches the health; with a client, one for each ear and each mouth,
// the canary's and the lease's. All of them end with Close. No method but Close
// blocks.
package backplane
