// Package child runs the servers that chaos, tests and benchmarks put up for
// themselves: each in a process of its own, which may start more, with a log.
// Whatever ends the process that started it, a watchdog ends the server and
// removes its directory. A server can be stopped, killed, frozen, and kept from
// writing as a full disk does.
//
// It knows no server: how one is started, and when it is ready, is for those to
// say who use it. It needs Linux: the processes of a server are found in /proc.
package child
