// Package claim takes from the operating system what a server needs before it
// serves anybody: its address, and the descriptors of its connections.
package claim
