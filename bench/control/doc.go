// Package control is how a coordinator of a load test speaks to its agents: TLS 1.3 over
// TCP, in which each side proves that it knows the same token, and then orders and answers
// as JSON, each of them with its length in front. It knows nothing of what they say.
//
// The token is never sent. The proofs are bound to the TLS session, so that nobody who
// stands between the two can pass them on. The certificate proves nothing and is made anew
// at each start.
//
// A Conn is of one goroutine at a time, but for Close.
package control
