// Package blob says what a store of files must do: the bytes of attachments, apart from
// the database that knows whose they are. Package disk keeps them in a directory, package
// s3 in a bucket, and package blobtest holds both to the same meaning.
//
// A blob is immutable bytes under a key. Nothing here knows a room, a user or a message,
// and nothing here may be called on an event loop: every call waits for a disk or a network.
package blob
