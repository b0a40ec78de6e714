// Package allowance bounds what one user may ask of this node, over all connections
// and transports together.
//
// A Table knows the users who ask for something now, or did so lately. Each has one
// Allowance, which has a meter for each thing that is bounded. A session asks for its
// user's allowance once, with Of, and gives it back with Return; so does a REST call.
// In between a meter costs one atomic operation and no lock.
//
// All methods are safe for concurrent use. A nil Table has nil Allowances, and a nil
// Allowance bounds nothing.
package allowance
