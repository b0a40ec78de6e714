// Package s3 keeps blobs in a bucket of S3, or of a server that speaks its protocol.
//
// A blob is first written to a temporary file without a name, and sent from there: so the
// store knows its size, may send it again, asks for no memory however large it is, and does
// not keep the server waiting for a slow client. It is one PUT, which S3 stores whole or not
// at all, so nothing half sent is left behind.
//
// The store has no goroutine of its own. Connections to the server are shared and kept.
package s3
