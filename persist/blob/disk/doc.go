// Package disk keeps blobs as files of one directory.
//
//	DIR/blobs/3f/KEY    the blobs, in 256 directories by a hash of their key
//	DIR/incoming/…      what is being written
//
// A blob is written to incoming, flushed to the disk, and then moved to its place, so that
// no half of one is ever seen under its key. Who writes a file holds a lock on it: what in
// incoming nobody holds was left by a process that ended, and is removed. Several processes
// may use one directory.
//
// The store has no goroutine and no memory of its own but the open directory: its methods
// work in the goroutine of their caller.
package disk
