// Package attachment takes the files that members upload, keeps them until a message has them,
// makes the links by which they are read, and deletes what nobody has or may read any more.
//
// The order of an upload is the promise that no crash breaks: a row that is pending, the
// bytes, a row that is ready. A row goes in the opposite order: gone, no bytes, no row.
// So there are never bytes without a row, nor a row that is ready without bytes.
//
// Nothing here runs on an event loop. What an upload holds in memory does not depend on its
// size. All methods of Service are safe for concurrent use.
package attachment
