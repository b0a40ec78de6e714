package stage

import (
	"context"
	"errors"
	"time"

	"github.com/caravan-chat/caravan/bench/chaos"
	redisserver "github.com/caravan-chat/caravan/bench/servers/redis"
)

// redisFaults are what happens to Redis. It carries notice, not truth: it comes
// back empty.
func redisFaults(redis *redisserver.Server) []chaos.Fault {
	return []chaos.Fault{
		{
			Name: "kill -9", Max: 4 * time.Second,
			Break: func(context.Context) (string, error) { return "killed", redis.Kill() },
			Mend:  func(context.Context) (string, error) { return "answers again, empty", redis.Start() },
		},
		{
			Name: "freeze", Min: 500 * time.Millisecond, Max: 5 * time.Second,
			Break: func(context.Context) (string, error) { return "frozen", redis.Pause() },
			Mend:  func(context.Context) (string, error) { return "goes on", redis.Resume() },
		},
		{Name: "flush all", Break: func(context.Context) (string, error) { return redis.Do("FLUSHALL") }},
		{Name: "cut clients", Break: func(context.Context) (string, error) {
			normal, err := redis.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
			subscribed, err2 := redis.Do("CLIENT", "KILL", "TYPE", "pubsub")
			return normal + " and " + subscribed + " subscribed ones", errors.Join(err, err2)
		}},
	}
}
