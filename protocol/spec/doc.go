// Package spec has the specifications of the protocol for programs: openapi.yaml, what REST takes
// and answers, and asyncapi.yaml, what goes over a WebSocket. It reads them for the tests that hold
// them against the code, and for the reference in docs/. No server needs it.
//
// What it returns is not changed by anybody, and safe for concurrent use.
package spec
