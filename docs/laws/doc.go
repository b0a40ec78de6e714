// Package laws holds tests that read the whole repository: which package may
// import which, how files are named and documented, and that documents name tests
// that exist. It has no code of its own.
package laws
