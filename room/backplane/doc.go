// Package backplane carries notices between the nodes of a Caravan over Redis:
// what was committed, who types, which nodes there are. It carries no truth;
// whatever Redis loses, the domain reads from the database.
//
// Each room has a channel; a node subscribes to those of the rooms that it
// follows. Channels are spread over ears. An ear is one connection that
// listens: one for a single Redis; several for a Redis Cluster, where each has a
// hash slot of its own and sharded publish/subscribe keeps a notice on one
// master. One publisher sends, what waits together in one pipeline.
//
// Goroutines: the connector, which makes the client as soon as Redis can be
// reached and then becomes the publisher; one for each ear; the canary; the
// lease. All of them end with Close. No method blocks.
package backplane
