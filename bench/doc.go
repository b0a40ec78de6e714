// Package bench is a load harness for any server that speaks Caravan's wire
// contract. It is a black box: it knows the contract, never the server.
//
// Run drives one Scenario: it connects a seeded fleet, sends by an open loop
// (a schedule that does not wait for the server) or a closed one (so many
// messages in flight a sender), checks the order of everything that every
// connection sees, and reports latencies, deliveries, and what the server's
// process paid for them.
//
// Connections cost no goroutine. A few workers, each a goroutine with its own
// epoll descriptor, own all sockets; what a worker holds (connections, buffers,
// histograms) is touched by that worker only, until it has ended. The room
// counters of shared and the meters of a worker are atomic.
//
// A run's connections are driven by this process's workers, or by agents: other processes, which
// prepare, begin and end with the run, each with a share of the connections. The run asks either for
// what they have seen, by the interface generators, and adds up what they found.
//
// The parts: control (how coordinator and agents speak), wire (the client's side of RFC 6455 and a fast look into frames),
// fleet (the ids of `caravan seed`), proc (what a process and a machine spend),
// scrape (what a server tells about itself), ledger (the account of every message, pure), verify (the fleet that fills the
// ledger through crashes and restarts), echo (a bare echo server, the measure of
// what the network layer alone costs).
package bench
