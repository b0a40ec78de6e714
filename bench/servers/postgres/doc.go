// Package pgserver starts throw-away PostgreSQL servers for tests and
// benchmarks, and lets a test stop, kill and freeze them, and fill their disk.
//
// A Server is real: initdb in a temporary directory, fsync on, a Unix socket in
// that directory and one TCP port on 127.0.0.1. PostgreSQL refuses to run as
// root, so under root it runs as the user postgres, or else nobody. Whatever ends
// the process that started it, a watchdog stops the server and removes its
// directory, so a test need not (and TestMain need not know about it).
//
// Tests take the server that their process shares, and a database of their own:
//
//	url := pgserver.Shared(t).Database(t)
//
// and those that break the server start their own:
//
//	pg := pgserver.Start(t, pgserver.Setting("max_connections", "10"))
//	url := pg.Database(t)
//	pg.Restart(pgserver.Immediate)
//
// A server may have a standby that takes its place, and comes back as the other's standby:
//
//	pg := pgserver.Start(t, pgserver.Paired)
//	standby := pg.StartStandby(t)
//	standby.Promote(); pg.Stop(pgserver.Fast); pg.Rejoin(standby, addrOfStandby)
//
// It needs Linux: the processes of a server are found in /proc.
package pgserver
