// Package redisserver starts throw-away Redis servers, alone or as a cluster, for
// tests and benchmarks, and lets a test stop, kill and freeze them.
//
// A Server keeps nothing on disk and listens on one TCP port of 127.0.0.1, which
// stays the same over restarts. It ends with the process that started it, whatever
// ends that.
//
//	redis := redisserver.Start(t)
//	redis.URL()                     // redis://127.0.0.1:16379
//	redis.Kill(); redis.Start()     // and it has forgotten everything
//
//	cluster := redisserver.StartCluster(t, 3)
//	cluster.URL()                   // redis://127.0.0.1:16379,127.0.0.1:16380,…
//	cluster.Nodes[0].Pause()
package redisserver
