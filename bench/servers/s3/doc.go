// Package s3server starts throw-away S3 servers for tests: versitygw, which keeps buckets in
// a directory, and lets a test stop, kill, freeze and fill them. It is a real server: it
// checks signatures, and speaks the protocol as others wrote it.
//
// A Server listens on one TCP port of 127.0.0.1, which stays the same over restarts, and
// keeps its bucket over them. It ends with the process that started it, whatever ends that.
//
//	s3 := s3server.Start(t)
//	s3.URL()                     // s3://caravan/?endpoint=http://127.0.0.1:12345
//	s3.Setenv(t)                 // the keys, for who reads them from the environment
//	s3.Kill(); s3.Start()        // and its bucket is as it was
package s3server
